// SPDX-License-Identifier: Apache-2.0
#include "serve/http_server.h"

#include <fmt/format.h>
#include <microhttpd.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>

namespace tcpdwell::serve {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// What the library says goes to the log.
__attribute__((format(printf, 2, 0))) void log_message(void*, const char* format,
                                                       va_list arguments) {
    char text[256];
    std::vsnprintf(text, sizeof(text), format, arguments);
    spdlog::debug("HTTP: {}", std::string_view(text).substr(0, std::strcspn(text, "\n")));
}

/// Paths are taken as they are written: none that is answered has a character to be escaped.
std::size_t keep_escaped(void*, MHD_Connection*, char* text) { return std::strlen(text); }

ssize_t read_file(void* file, std::uint64_t offset, char* buffer, std::size_t size) {
    const ssize_t got =
        ::pread(static_cast<Fd*>(file)->get(), buffer, size, static_cast<off_t>(offset));
    if (got > 0) return got;
    return got == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

ssize_t read_text(void* text, std::uint64_t offset, char* buffer, std::size_t size) {
    const std::string& body = **static_cast<std::shared_ptr<const std::string>*>(text);
    const std::size_t count = body.copy(buffer, size, offset);
    return count == 0 ? MHD_CONTENT_READER_END_OF_STREAM : static_cast<ssize_t>(count);
}

/// Answers of the same text share it, however slowly they are taken.
MHD_Response* response_of(HttpResponse& answer) {
    constexpr std::size_t kBlock = 32 << 10;
    MHD_Response* const response =
        answer.body
            ? ::MHD_create_response_from_callback(
                  answer.body->size(), kBlock, read_text,
                  new std::shared_ptr<const std::string>(answer.body),
                  [](void* text) { delete static_cast<std::shared_ptr<const std::string>*>(text); })
            : ::MHD_create_response_from_callback(
                  answer.file_size, kBlock, read_file, new Fd(std::move(answer.file)),
                  [](void* file) { delete static_cast<Fd*>(file); });
    if (response == nullptr) return nullptr;
    ::MHD_add_response_header(response, "Content-Type", std::string(answer.content_type).c_str());
    ::MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    ::MHD_add_response_header(response, "Cache-Control", "no-store");
    for (const auto& [name, value] : answer.headers)
        ::MHD_add_response_header(response, name, value.c_str());
    return response;
}

/// Clients are not to use up what recordings need: a connection may have a file, too. Where the
/// hard limit is lower, that is it.
void allow_descriptors(std::size_t sockets) {
    constexpr rlim_t kOwn = 256;
    const rlim_t wanted = kOwn + 2 * sockets * HttpServer::kMostConnections;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace

class HttpServer::Impl {
public:
    explicit Impl(HttpHandler handler) : handler_(std::move(handler)) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        for (MHD_Daemon* daemon : daemons_) ::MHD_stop_daemon(daemon);
    }

    Result<void> add(ListeningSocket socket) {
        const int fd = socket.fd.release(); // the daemon closes it
        MHD_Daemon* const daemon = ::MHD_start_daemon(
            MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, nullptr, nullptr, &Impl::on_request, this,
            MHD_OPTION_EXTERNAL_LOGGER, &log_message, nullptr,    //
            MHD_OPTION_UNESCAPE_CALLBACK, &keep_escaped, nullptr, //
            MHD_OPTION_LISTEN_SOCKET, fd,                         //
            MHD_OPTION_CONNECTION_LIMIT, kMostConnections,        //
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMostHeaderBytes, MHD_OPTION_CONNECTION_TIMEOUT,
            kSilenceSeconds,                      //
            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, //
            MHD_OPTION_NOTIFY_CONNECTION, &Impl::on_connection_change, this,
            MHD_OPTION_NOTIFY_COMPLETED, &Impl::on_completed, this, MHD_OPTION_END);
        if (daemon == nullptr) {
            ::close(fd);
            return fail(ErrorCode::failed, fmt::format("cannot serve HTTP at {}", socket.name));
        }
        daemons_.push_back(daemon);
        return {};
    }

    void run() {
        for (MHD_Daemon* daemon : daemons_) run(daemon);
        const auto now = std::chrono::steady_clock::now();
        if (now < next_check_) return;
        next_check_ = now + std::chrono::seconds(1);
        const bool is_crowded = since_.size() > kMostConnections / 4 * 3;
        const auto limit = std::chrono::seconds(is_crowded ? 1 : kLongestRequestSeconds);
        for (const auto& [connection, since] : since_)
            if (now - since > limit) cut(connection);
    }

    [[nodiscard]] std::vector<int> poll_fds() const {
        std::vector<int> fds;
        for (MHD_Daemon* daemon : daemons_) fds.push_back(epoll_fd(daemon));
        return fds;
    }

private:
    static int epoll_fd(MHD_Daemon* daemon) {
        const auto* info = ::MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
        return info == nullptr ? -1 : info->epoll_fd;
    }

    /// Taking a connection, reading its request and answering are a turn each; there may be long
    /// work before we are called again.
    static void run(MHD_Daemon* daemon) {
        constexpr int kTurns = 4;
        pollfd waits{epoll_fd(daemon), POLLIN, 0};
        for (int turn = 0; turn < kTurns; ++turn) {
            ::MHD_run(daemon);
            if (::poll(&waits, 1, 0) <= 0) return;
        }
    }

    /// The library sees the end, and closes it.
    static void cut(MHD_Connection* connection) {
        if (const auto* info =
                ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD))
            ::shutdown(info->connect_fd, SHUT_RDWR);
    }

    static void on_connection_change(void* self, MHD_Connection* connection, void**,
                                     MHD_ConnectionNotificationCode what) {
        auto& since = static_cast<Impl*>(self)->since_;
        if (what == MHD_CONNECTION_NOTIFY_STARTED)
            since[connection] = std::chrono::steady_clock::now();
        else
            since.erase(connection);
    }

    static void on_completed(void* self, MHD_Connection* connection, void**,
                             MHD_RequestTerminationCode) {
        auto& since = static_cast<Impl*>(self)->since_;
        if (const auto it = since.find(connection); it != since.end())
            it->second = std::chrono::steady_clock::now();
    }

    static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                                 const char* method, const char*, const char*,
                                 std::size_t* upload_size, void** state) {
        // Called first when the headers are there, then for each part of a body, then at its end.
        static char is_known = 0;
        const bool is_get = std::strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
                            std::strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
        if (is_get && std::exchange(*state, &is_known) == nullptr) return MHD_YES;
        if (*upload_size != 0) return MHD_NO; // nobody needs a body: closes the connection
        HttpResponse answer;
        if (is_get) {
            const char* const accept =
                ::MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
            answer = static_cast<Impl*>(self)->handler_({url, accept == nullptr ? "" : accept});
        } else {
            answer = text_response(405, "only GET and HEAD\n");
            answer.headers.emplace_back("Allow", "GET, HEAD");
        }
        MHD_Response* const response = response_of(answer);
        if (response == nullptr) return MHD_NO;
        const MHD_Result queued =
            ::MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
        ::MHD_destroy_response(response);
        return queued;
    }

    HttpHandler handler_;
    std::vector<MHD_Daemon*> daemons_;
    std::map<MHD_Connection*, SteadyTime> since_; ///< the begin, or the end of the last request
    SteadyTime next_check_{};
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Result<HttpServer> HttpServer::start(std::vector<ListeningSocket> sockets, HttpHandler handler) {
    allow_descriptors(sockets.size());
    auto impl = std::make_unique<Impl>(std::move(handler));
    for (ListeningSocket& socket : sockets)
        if (auto added = impl->add(std::move(socket)); !added) return tl::unexpected(added.error());
    return HttpServer(std::move(impl));
}

void HttpServer::run() { impl_->run(); }

std::vector<int> HttpServer::poll_fds() const { return impl_->poll_fds(); }

} // namespace tcpdwell::serve

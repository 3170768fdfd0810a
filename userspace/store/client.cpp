// SPDX-License-Identifier: Apache-2.0
#include "store/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <set>
#include <utility>

#include "base/text.h"
#include "store/certificates.h"
#include "store/partial_success.h"

namespace tcpdwell::store {
namespace {

constexpr std::size_t kLongestWords = 4096;              // of the server's that are kept
constexpr std::chrono::seconds kLongestRetryAfter(3600); // a slip of the server's costs no more
constexpr std::string_view kExceptionHeader = "X-ClickHouse-Exception-Code";
/// The oldest of what is used, which every server has: what doesn't know it is no ClickHouse.
constexpr std::string_view kSkipsUnknown = "input_format_skip_unknown_fields";
constexpr std::string_view kToken = "insert_deduplication_token";
constexpr std::string_view kGathers = "async_insert";

std::string words_of_server(std::string_view body) {
    while (!body.empty() && (body.back() == '\n' || body.back() == ' ')) body.remove_suffix(1);
    return printable(body.substr(0, kLongestWords));
}

unsigned leading_number(std::string_view text) {
    unsigned value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// "Code: 27, e.displayText() = DB::Exception: ...", or "Code: 27. DB::Exception: ..."
unsigned exception_in(std::string_view body) {
    constexpr std::string_view kCode = "Code: ";
    constexpr unsigned kUnknown = ~0U;
    if (body.find("DB::Exception") == std::string_view::npos) return 0;
    const std::size_t at = body.find(kCode);
    const unsigned code =
        at == std::string_view::npos ? 0 : leading_number(body.substr(at + kCode.size()));
    return code == 0 ? kUnknown : code;
}

struct HttpAnswer {
    CURLcode error = CURLE_OK;
    long status = 0;
    curl_off_t retry_after = 0; // s
    unsigned exception = 0;
    bool is_too_long = false;
    std::string body;
};

std::size_t keep_answer(const char* bytes, std::size_t size, std::size_t count, void* to) {
    auto& answer = *static_cast<HttpAnswer*>(to);
    const std::size_t room = Client::kLongestAnswer - answer.body.size();
    answer.body.append(bytes, std::min(size * count, room));
    answer.is_too_long = answer.is_too_long || size * count > room;
    return answer.is_too_long ? 0 : size * count;
}

int ask_whether_stopped(void* is_stopped, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return (*static_cast<const std::function<bool()>*>(is_stopped))() ? 1 : 0;
}

} // namespace

Result<ServerVersion> ServerVersion::parse(std::string_view text) {
    ServerVersion version;
    const char* const end = text.data() + text.size();
    const auto [dot, wrong] = std::from_chars(text.data(), end, version.major);
    if (wrong != std::errc() || dot == end || *dot != '.' ||
        std::from_chars(dot + 1, end, version.minor).ec != std::errc())
        return fail(ErrorCode::failed,
                    fmt::format("'{}' is no version of ClickHouse", printable(text.substr(0, 80))));
    version.text = printable(text.substr(0, 80));
    return version;
}

class Client::Impl {
public:
    Impl(ServerUrl server, ClientOptions options)
        : server_(std::move(server)), options_(std::move(options)),
          curl_(::curl_easy_init(), &::curl_easy_cleanup),
          headers_(nullptr, &::curl_slist_free_all) {}

    Result<void> set_up() {
        if (!curl_) return fail(ErrorCode::failed, "libcurl cannot begin");
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        if (const auto certificates = certificate_file())
            set(CURLOPT_CAINFO, certificates->c_str()); // libcurl copies it
        set(CURLOPT_FOLLOWLOCATION, 0L);
        set(CURLOPT_PROXY, ""); // whatever the environment says
        set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
        set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options_.connect_limit));
        set(CURLOPT_TIMEOUT_MS, milliseconds(options_.time_limit));
        set(CURLOPT_QUICK_EXIT, 1L); // don't wait for a look-up that was given up
        set(CURLOPT_NOPROGRESS, 0L);
        set(CURLOPT_XFERINFOFUNCTION, &ask_whether_stopped);
        set(CURLOPT_XFERINFODATA, static_cast<void*>(&options_.is_stopped));
        set(CURLOPT_WRITEFUNCTION, &keep_answer);
        set(CURLOPT_ERRORBUFFER, error_text_.data());
        set(CURLOPT_USERAGENT, "tcpdwell/" TCPDWELL_VERSION);
        if (failed_ != CURLE_OK)
            return fail(ErrorCode::failed, fmt::format("libcurl can't do what is needed: {}",
                                                       ::curl_easy_strerror(failed_)));
        return {};
    }

    /// `path` begins with "/".
    HttpAnswer post(const std::string& path, std::string_view body, bool is_gzip) {
        HttpAnswer answer;
        set_headers(is_gzip);
        error_text_[0] = '\0';
        set(CURLOPT_URL, (server_.address() + path).c_str());
        set(CURLOPT_HTTPHEADER, headers_.get());
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        set(CURLOPT_POSTFIELDS, body.data());
        set(CURLOPT_WRITEDATA, static_cast<void*>(&answer));
        answer.error = ::curl_easy_perform(curl_.get());
        ::curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &answer.status);
        // Seconds, also where the header has a date.
        ::curl_easy_getinfo(curl_.get(), CURLINFO_RETRY_AFTER, &answer.retry_after);
        curl_header* header = nullptr;
        if (::curl_easy_header(curl_.get(), kExceptionHeader.data(), 0, CURLH_HEADER, -1,
                               &header) == CURLHE_OK)
            answer.exception = leading_number(header->value);
        if (answer.exception == 0) answer.exception = exception_in(answer.body);
        // Its status is there, and the beginning of what the server says: an answer.
        if (answer.is_too_long && answer.status >= 400) answer.error = CURLE_OK;
        return answer;
    }

    SendAnswer judge(const HttpAnswer& answer) const {
        if (answer.error == CURLE_ABORTED_BY_CALLBACK)
            return {SendOutcome::not_now, SendTrouble::stopped, "stopped"};
        if (answer.is_too_long && answer.error != CURLE_OK)
            return {SendOutcome::not_now, SendTrouble::other_service,
                    fmt::format("the answer is longer than {} bytes", kLongestAnswer)};
        if (answer.error == CURLE_OPERATION_TIMEDOUT)
            return {SendOutcome::not_now, SendTrouble::time_out, error_text(answer.error)};
        // An answer that breaks off, as a proxy's in front of a server that has gone, counts for
        // nothing: not even a 4xx.
        if (answer.error != CURLE_OK)
            return {SendOutcome::not_now, SendTrouble::no_connection, error_text(answer.error)};
        const bool is_collector = server_.kind == ServerKind::otlp;
        SendAnswer judged = is_collector ? judge_collector(answer.status)
                                         : judge_answer(answer.status, answer.exception);
        judged.may_be_batch = !is_collector && answer.exception != 0 &&
                              (judged.trouble == SendTrouble::server_error ||
                               judged.trouble == SendTrouble::overloaded);
        judged.retry_after = std::chrono::seconds(
            std::clamp<curl_off_t>(answer.retry_after, 0, kLongestRetryAfter.count()));
        judged.words = words_of_server(answer.body);
        if (judged.words.empty()) judged.words = fmt::format("HTTP {}", answer.status);
        return judged;
    }

    /// What this server's version knows of the settings that are used.
    SendAnswer learn_settings() {
        const HttpAnswer answer = post("/",
                                       fmt::format("SELECT name FROM system.settings WHERE name IN "
                                                   "('{}', '{}', '{}') FORMAT TabSeparated",
                                                   kSkipsUnknown, kToken, kGathers),
                                       false);
        SendAnswer judged = judge(answer);
        // This statement isn't the batch.
        if (judged.outcome == SendOutcome::refused)
            judged = {SendOutcome::not_now, SendTrouble::other_service, judged.words};
        judged.may_be_batch = false;
        if (judged.outcome != SendOutcome::accepted) return judged;
        std::set<std::string, std::less<>> known;
        std::string_view rest = answer.body;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            known.emplace(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        if (!known.contains(kSkipsUnknown))
            return {SendOutcome::not_now, SendTrouble::other_service,
                    "what answers there is no ClickHouse: " + judged.words.substr(0, 80)};
        settings_ = std::move(known);
        return judged;
    }

    /// What a collector doesn't take of a request isn't to be sent again (OTLP, "Partial success").
    SendAnswer send_log_records(std::string_view gzip) {
        const HttpAnswer answer = post(server_.path, gzip, true);
        SendAnswer judged = judge(answer);
        if (judged.outcome != SendOutcome::accepted) return judged;
        PartialSuccess partial = partial_success(answer.body);
        judged.rejected_rows = partial.rejected_records;
        judged.words = std::move(partial.words); // of none that is rejected, a warning
        return judged;
    }

    SendAnswer insert(const std::string& table, const std::string& id, std::string_view gzip) {
        if (server_.kind == ServerKind::otlp) return send_log_records(gzip);
        if (settings_.empty())
            if (SendAnswer learned = learn_settings(); learned.outcome != SendOutcome::accepted)
                return learned;
        std::string parameters =
            "/?query=" +
            escaped(fmt::format("INSERT INTO {}.{} FORMAT JSONEachRow", server_.database, table));
        parameters += fmt::format("&{}=1", kSkipsUnknown);
        if (settings_.contains(kToken)) parameters += fmt::format("&{}={}", kToken, escaped(id));
        if (options_.gathers_inserts && settings_.contains(kGathers))
            parameters += fmt::format("&{}=1&wait_for_async_insert=1", kGathers);
        const HttpAnswer answer = post(parameters, gzip, true);
        SendAnswer judged = judge(answer);
        if (judged.outcome == SendOutcome::accepted && !answer.body.empty())
            judged = {SendOutcome::not_now, SendTrouble::other_service, judged.words};
        // Another server may answer next, an older or a newer one.
        if (judged.outcome == SendOutcome::not_now) settings_.clear();
        return judged;
    }

    Result<std::string> query(const std::string& sql) {
        HttpAnswer answer = post("/", sql, false);
        const SendAnswer judged = judge(answer);
        if (judged.outcome == SendOutcome::accepted) return std::move(answer.body);
        return fail(ErrorCode::failed,
                    fmt::format("ClickHouse at {}: {}", server_.text(), judged.words));
    }

    [[nodiscard]] const ServerUrl& server() const { return server_; }

private:
    template <class T>
    void set(CURLoption option, T value) {
        const CURLcode error = ::curl_easy_setopt(curl_.get(), option, value);
        if (failed_ == CURLE_OK) failed_ = error;
    }
    static long milliseconds(Nanoseconds time) {
        return std::max(1L, static_cast<long>(time / std::chrono::milliseconds(1)));
    }
    void add_header(const std::string& line) {
        curl_slist* longer = ::curl_slist_append(headers_.get(), line.c_str());
        if (longer == nullptr) return;
        static_cast<void>(headers_.release());
        headers_.reset(longer);
    }
    void set_headers(bool is_gzip) {
        headers_.reset();
        add_header("Expect:"); // no "100 Continue"
        add_header(server_.kind == ServerKind::otlp ? "Content-Type: application/json"
                                                    : "Content-Type: application/octet-stream");
        if (is_gzip) add_header("Content-Encoding: gzip");
        if (server_.kind == ServerKind::otlp) return set_basic_credentials();
        if (!server_.user.empty()) add_header("X-ClickHouse-User: " + server_.user);
        if (!server_.password.empty()) add_header("X-ClickHouse-Key: " + server_.password);
    }
    void set_basic_credentials() {
        if (server_.user.empty()) return;
        set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        set(CURLOPT_USERNAME, server_.user.c_str());
        set(CURLOPT_PASSWORD, server_.password.c_str());
    }
    std::string escaped(const std::string& text) {
        const std::unique_ptr<char, decltype(&::curl_free)> made(
            ::curl_easy_escape(curl_.get(), text.data(), static_cast<int>(text.size())),
            &::curl_free);
        return made ? std::string(made.get()) : std::string();
    }
    [[nodiscard]] std::string error_text(CURLcode error) const {
        std::string text =
            printable(error_text_[0] != '\0' ? error_text_.data() : ::curl_easy_strerror(error));
        // A certificate that may be right, and for this host, but nobody vouches for it here. That
        // it is for another host has the same code.
        if (error == CURLE_SSL_CACERT_BADFILE || text.starts_with("SSL certificate problem"))
            text += "; authorities are those of the package ca-certificates, or of the file that "
                    "SSL_CERT_FILE names";
        return text;
    }

    ServerUrl server_;
    ClientOptions options_;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> curl_;
    std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> headers_;
    CURLcode failed_ = CURLE_OK;
    std::set<std::string, std::less<>> settings_; // empty: not asked yet
};

Result<Client> Client::open(ServerUrl server, ClientOptions options) {
    // Once in the process; the first caller is no thread.
    static const CURLcode began = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (began != CURLE_OK)
        return fail(ErrorCode::failed,
                    fmt::format("libcurl cannot begin: {}", ::curl_easy_strerror(began)));
    auto impl = std::make_unique<Impl>(std::move(server), std::move(options));
    if (auto ready = impl->set_up(); !ready) return tl::unexpected(ready.error());
    return Client(std::move(impl));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

const ServerUrl& Client::server() const { return impl_->server(); }

Result<ServerVersion> Client::version() {
    auto text = query("SELECT version()");
    if (!text) return tl::unexpected(text.error());
    auto version = ServerVersion::parse(words_of_server(*text));
    if (!version)
        return tl::unexpected(
            version.error().context("what answers at " + server().text() + " is no ClickHouse"));
    return version;
}

Result<std::string> Client::query(const std::string& sql) { return impl_->query(sql); }

SendAnswer Client::insert(const std::string& table, const std::string& id, std::string_view gzip) {
    return impl_->insert(table, id, gzip);
}

} // namespace tcpdwell::store

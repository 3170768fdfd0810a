// SPDX-License-Identifier: Apache-2.0
#include "store/sender.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "base/fd.h"
#include "store/sender_supervisor.h"

namespace tcpdwell::store {

using DrainTime = std::chrono::steady_clock::time_point;

struct UnmapPage {
    void operator()(SharedPage* page) const { ::munmap(page, sizeof(SharedPage)); }
};
using MappedPage = std::unique_ptr<SharedPage, UnmapPage>;

class Sender::Impl {
public:
    Impl(pid_t pid, Fd line, MappedPage page, const Spool& spool, const ServerUrl& server)
        : pid_(pid), line_(std::move(line)), page_(std::move(page)), outbox_(spool.outbox()),
          server_(server.who()) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        page_->is_ending = true;
        wake();
        line_.reset();
        constexpr auto kPatience = std::chrono::seconds(5);
        const DrainTime end = std::chrono::steady_clock::now() + kPatience;
        while (!has_ended() && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        // Both may be killed at any moment. Where that isn't allowed, they end with this process.
        if (!has_ended() && ::kill(pid_, SIGKILL) == 0)
            while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
    }

    void wake() const {
        static_cast<void>(::send(line_.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
    }

    bool is_running() {
        if (!has_ended()) return true;
        if (!is_said_)
            spdlog::warn("the process that sends to {} has ended ({}); rows wait in "
                         "{} until the next start",
                         server_, end_text(status_), outbox_.path());
        is_said_ = true;
        return false;
    }

    Result<bool> drain(Nanoseconds limit, const std::function<bool()>& is_stopped) {
        const DrainTime end =
            std::chrono::steady_clock::now() +
            std::clamp<Nanoseconds>(limit, Nanoseconds(0), std::chrono::hours(24 * 365));
        page_->is_finishing = true;
        wake();
        while (true) {
            const DrainTime looked = std::chrono::steady_clock::now();
            const auto waiting = outbox_.names();
            if (!waiting) return tl::unexpected(waiting.error());
            const bool has_all = waiting->empty();
            const bool is_there = is_running();
            if (has_all && !(is_there && page_->is_busy)) return true;
            if (!is_there)
                return fail(ErrorCode::failed,
                            fmt::format("the process that sends to {} has ended ({}); {} batches "
                                        "wait in {}",
                                        server_, end_text(status_), waiting->size(),
                                        outbox_.path()));
            const DrainTime now = std::chrono::steady_clock::now();
            if (now >= end || is_stopped()) return false;
            // Where very many batches wait, looking takes its time; it is to be a tenth at most.
            wait_for_progress(std::min(end, now + 9 * (now - looked)));
        }
    }

    [[nodiscard]] const SharedPage& page() const { return *page_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    /// Until a batch has been sent, or a while has passed; not before `earliest`.
    void wait_for_progress(DrainTime earliest) const {
        constexpr auto kAtMost = std::chrono::milliseconds(100);
        pollfd progress{line_.get(), POLLIN, 0};
        ::poll(&progress, 1, poll_time(kAtMost));
        std::this_thread::sleep_until(earliest);
        std::array<char, 16> byte{};
        while (::recv(line_.get(), byte.data(), byte.size(), MSG_DONTWAIT) > 0) {}
    }
    bool has_ended() {
        if (!has_ended_ && ::waitpid(pid_, &status_, WNOHANG) == pid_) has_ended_ = true;
        return has_ended_;
    }
    pid_t pid_;
    Fd line_;
    MappedPage page_;
    Outbox outbox_;
    std::string server_;
    int status_ = 0;
    bool has_ended_ = false;
    bool is_said_ = false;
};

Result<Sender> Sender::start(const Spool& spool, const SenderOptions& options) {
    void* const memory = ::mmap(nullptr, sizeof(SharedPage), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return fail(ErrorCode::failed, fmt::format("mmap: {}", std::strerror(errno)), errno);
    MappedPage page(new (memory) SharedPage{});
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail(ErrorCode::failed, fmt::format("socketpair: {}", std::strerror(errno)), errno);
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return fail(ErrorCode::failed, fmt::format("fork: {}", std::strerror(errno)), errno);
    if (pid == 0) {
        ours.reset(); // so that its end is the main process's
        run_supervisor(spool.outbox(), options, *page, theirs.get(), parent);
    }
    return Sender(
        std::make_unique<Impl>(pid, std::move(ours), std::move(page), spool, options.server));
}

Sender::Sender(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sender::Sender(Sender&&) noexcept = default;
Sender& Sender::operator=(Sender&&) noexcept = default;
Sender::~Sender() = default;

void Sender::wake() {
    if (is_running()) impl_->wake();
}

SenderCounts Sender::counts() const {
    const SharedPage& page = impl_->page();
    return {page.sent_batches, page.sent_rows,    page.rejected_batches, page.rejected_rows,
            page.removed_rows, page.failed_tries, page.trouble};
}

bool Sender::is_running() { return impl_->is_running(); }

Result<bool> Sender::drain(Nanoseconds limit, const std::function<bool()>& is_stopped) {
    return impl_->drain(limit, is_stopped);
}

pid_t Sender::pid() const { return impl_->pid(); }

} // namespace tcpdwell::store

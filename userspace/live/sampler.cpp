// SPDX-License-Identifier: Apache-2.0
#include "live/sampler.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/child_process.h"
#include "event/record.h"
#include "live/capabilities.h"
#include "live/sampler_child.h"
#include "live/syscall_filter.h"
#include "tcpdwell/config.h"

namespace tcpdwell::live {
namespace {

constexpr int kPipeBytes = 1 << 20; // the most that an unprivileged pipe may have

struct SamplerPipe {
    Fd read_end;
    Fd write_end;
};

Result<SamplerPipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail(ErrorCode::failed, fmt::format("pipe: {}", std::strerror(errno)), errno);
    return SamplerPipe{Fd(ends[0]), Fd(ends[1])};
}

[[noreturn]] void become_child(std::unique_ptr<SocketLister> lister,
                               const std::vector<std::uint32_t>& netns, Fd requests, Fd replies,
                               std::optional<Identity> identity, const std::string& host_root,
                               pid_t parent) {
    exit_with([&] {
        ::prctl(PR_SET_NAME, TD_SAMPLER_COMM);
        // Ctrl-C goes to the whole group; the parent decides when we stop, by closing the pipe.
        for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE})
            ::signal(signal, SIG_IGN);
        // Enter namespaces; create iterators; look into /proc/PID/fd of other users' processes.
        static_cast<void>(drop_capabilities(
            {CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}, identity));
        ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a change of the user id takes it back
        if (::getppid() != parent) ::_exit(0);
        static_cast<void>(confine_sampler()); // a kernel without seccomp isn't worth less
        return run_sampler(std::move(lister), netns, host_root, std::move(requests),
                           std::move(replies));
    });
}

} // namespace

Sampler::Sampler(pid_t child, Fd requests, Fd replies)
    : child_(child), requests_(std::move(requests)), replies_(std::move(replies)),
      buffer_(256 * 1024) {}

Sampler::Sampler(Sampler&& other) noexcept
    : child_(std::exchange(other.child_, 0)), requests_(std::move(other.requests_)),
      replies_(std::move(other.replies_)), buffer_(std::move(other.buffer_)),
      filled_(other.filled_) {}

Sampler::~Sampler() {
    if (child_ == 0) return;
    requests_.reset();
    replies_.reset();
    // It may be in the middle of a long walk, and holds nothing that needs cleanup.
    ::kill(child_, SIGKILL);
    while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {}
}

Result<Sampler> Sampler::start(std::unique_ptr<SocketLister> lister,
                               const std::vector<std::uint32_t>& netns,
                               std::optional<Identity> identity, const std::string& host_root) {
    auto requests = make_pipe();
    auto replies = make_pipe();
    if (!requests) return tl::unexpected(requests.error());
    if (!replies) return tl::unexpected(replies.error());
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
        return fail(ErrorCode::failed, fmt::format("fork: {}", std::strerror(errno)), errno);
    if (child == 0) {
        requests->write_end.reset();
        replies->read_end.reset();
        become_child(std::move(lister), netns, std::move(requests->read_end),
                     std::move(replies->write_end), identity, host_root, parent);
    }
    ::fcntl(replies->read_end.get(), F_SETPIPE_SZ, kPipeBytes);
    ::fcntl(replies->read_end.get(), F_SETFL, O_NONBLOCK);
    return Sampler(child, std::move(requests->write_end), std::move(replies->read_end));
}

void Sampler::send(const std::vector<std::uint64_t>& words) {
    // Less than an empty pipe takes (kMostRequestWords), and the child reads one request before it
    // works on it: this can't block for long.
    const auto bytes = std::as_bytes(std::span(words));
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t n = ::write(requests_.get(), bytes.data() + sent, bytes.size() - sent);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; // it has ended, which receive() reports
        sent += static_cast<std::size_t>(n);
    }
}

void Sampler::request_snapshot() {
    send({static_cast<std::uint64_t>(SamplerRequest::snapshot), 0});
}

void Sampler::request_sweep(const std::vector<std::uint32_t>& netns, std::uint64_t expires) {
    // What is left out of one sweep is looked for in later ones, or shown when it ends.
    const std::size_t count = std::min<std::size_t>(netns.size(), kMostRequestWords - 1);
    std::vector<std::uint64_t> words{static_cast<std::uint64_t>(SamplerRequest::sweep), count + 1,
                                     expires};
    words.insert(words.end(), netns.begin(), netns.begin() + static_cast<std::ptrdiff_t>(count));
    send(words);
}

void Sampler::request_counters() {
    send({static_cast<std::uint64_t>(SamplerRequest::counters), 0});
}

void Sampler::request_waiting(std::uint64_t idle, bool all) {
    send({static_cast<std::uint64_t>(SamplerRequest::waiting), 2, idle,
          static_cast<std::uint64_t>(all ? 1 : 0)});
}

void Sampler::request_containers(std::span<const WantedContainer> wanted) {
    wanted = wanted.first(std::min(wanted.size(), kMostContainers));
    static_assert(kMostContainers * kContainerWords <= kMostRequestWords);
    std::vector<std::uint64_t> words{static_cast<std::uint64_t>(SamplerRequest::containers),
                                     wanted.size() * kContainerWords};
    for (const WantedContainer& each : wanted) {
        words.push_back(each.cgroup);
        std::array<std::uint64_t, kContainerWords - 1> id{};
        std::memcpy(id.data(), each.id.data(), std::min(each.id.size(), sizeof(id)));
        words.insert(words.end(), id.begin(), id.end());
    }
    send(words);
}

bool Sampler::receive(const event::RecordSink& sink, const std::function<void(SamplerDone)>& done) {
    const ssize_t got = ::read(replies_.get(), buffer_.data() + filled_, buffer_.size() - filled_);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    filled_ += static_cast<std::size_t>(got);
    const auto cut_off =
        event::for_each_record({buffer_.data(), filled_}, [&](std::span<const std::byte> record) {
            const td_header header = event::read_header(record);
            if (header.kind == kSamplerDoneKind)
                done(static_cast<SamplerDone>(header.netns));
            else
                sink(record);
        });
    std::memmove(buffer_.data(), cut_off.data(), cut_off.size());
    filled_ = cut_off.size();
    return true;
}

} // namespace tcpdwell::live

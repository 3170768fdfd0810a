// SPDX-License-Identifier: Apache-2.0
#include "live/fentry_trial.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/fd.h"
#include "live/bpf_session.h"
#include "live/netns.h"
#include "live/own_traffic.h"

namespace tcpdwell {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBufferBytes = 64 << 10;
/// Longer than an ACK is delayed (TCP_DELACK_MIN, 40 ms), so that the FIN that follows finds a mini-socket; a machine
/// that stands still may need longer.
constexpr std::array kPauses = {60ms, 250ms, 1000ms};

/// Client closes first, is acknowledged, gets the other FIN after a pause, and its port is taken again.
bool make_traffic(std::chrono::milliseconds pause) {
    const Fd listener = loopback_listener(false);
    const std::uint16_t port = local_port(listener);
    Fd client = bound_socket(0);
    if (!connect_to(client, port)) return false;
    const std::uint16_t client_port = local_port(client);
    Fd server(::accept(listener.get(), nullptr, nullptr));
    client.reset();
    std::this_thread::sleep_for(pause);
    server.reset();
    return connect_to(bound_socket(client_port), port);
}

/// The child process that makes the traffic, in a network namespace that goes with it.
class Traffic {
public:
    Traffic() {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
        line_ = Fd(ends[0]);
        const Fd theirs(ends[1]);
        child_ = ::fork();
        if (child_ != 0) return;
        line_.reset(); // so that the parent's end is the only one
        std::uint32_t netns = 0;
        if (::unshare(CLONE_NEWNET) == 0 && bring_loopback_up()) netns = own_netns_inode().value_or(0);
        bool made = ::send(theirs.get(), &netns, sizeof(netns), MSG_NOSIGNAL) > 0;
        std::chrono::milliseconds pause{};
        while (made && ::read(theirs.get(), &pause, sizeof(pause)) == sizeof(pause))
            made = make_traffic(pause) && ::send(theirs.get(), "", 1, MSG_NOSIGNAL) == 1;
        ::_exit(0);
    }
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;
    ~Traffic() {
        line_.reset();
        while (child_ > 0 && ::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {}
    }

    /// Inode of the namespace; 0 if there is none.
    [[nodiscard]] std::uint32_t netns() const {
        std::uint32_t inode = 0;
        return line_ && ::read(line_.get(), &inode, sizeof(inode)) == sizeof(inode) ? inode : 0;
    }
    /// Lets it be made once, to the end; false if that failed.
    bool make(std::chrono::milliseconds pause) {
        char made = 0;
        return ::send(line_.get(), &pause, sizeof(pause), MSG_NOSIGNAL) > 0 && ::read(line_.get(), &made, 1) == 1;
    }

private:
    Fd line_;
    pid_t child_ = -1;
};

/// What must be seen of that traffic.
struct Sight {
    bool request = false;
    bool fin_wait2 = false;
    bool time_wait = false;
    bool killed = false;

    void look_at(std::span<const std::byte> record) {
        td_timewait mini{};
        std::memcpy(&mini, record.data(), std::min(record.size(), sizeof(mini)));
        request |= mini.h.kind == TD_REQUEST;
        if (mini.h.kind != TD_TIMEWAIT) return;
        fin_wait2 |= mini.op == TD_TIMER_START && mini.substate == 5;
        time_wait |= mini.op == TD_TIMER_REARM && mini.substate == 6;
        killed |= mini.op == TD_TIMER_KILL;
    }
    [[nodiscard]] std::string_view missing() const {
        if (!request) return "inet_csk_reqsk_queue_hash_add";
        if (!fin_wait2) return "inet_twsk_hashdance";
        if (!time_wait) return "__inet_twsk_schedule";
        return killed ? "" : "inet_twsk_kill";
    }
};

/// The programs of the set, and no others.
ProbePlan trial_plan(const KernelSupport& support) {
    ProbePlan plan;
    plan.set = ProbeSet::fentry;
    plan.hashdance_schedules = support.hashdance_schedules;
    plan.hash_add_result = support.hash_add_result;
    for (const Program program :
         {Program::mini_begin, Program::mini_rearm, Program::mini_expire, Program::mini_kill, Program::request_begin,
          Program::request_drop, Program::request_put, Program::request_expire})
        plan.programs.push_back({program, "", "", true, ""});
    return plan;
}

} // namespace

Support try_functions(const KernelSupport& support) {
    if (!support.tracing_programs) return support.tracing_programs;
    if (!support.functions) return support.functions;
    if (!support.capabilities.sys_admin) return Support::no("to try it on a connection of our own takes CAP_SYS_ADMIN");
    capture_libbpf_messages(); // a refusal is an answer
    Traffic traffic;
    Filter filter;
    filter.netns = {traffic.netns()};
    if (filter.netns.front() == 0) return Support::no("it can't be tried: no network namespace of our own can be made");
    auto session = BpfSession::open(trial_plan(support), {}, filter, kBufferBytes);
    if (!session)
        return Support::no(fmt::format("the kernel refuses them: {}", std::strerror(session.error().error_number)));
    Sight sight;
    for (const auto pause : kPauses) {
        if (!traffic.make(pause)) return Support::no("it can't be tried: no connection of our own can be made");
        session->drain([&sight](std::span<const std::byte> record) { sight.look_at(record); });
        if (sight.missing().empty()) return Support::yes();
    }
    return Support::no(fmt::format("{}() didn't fire for a connection of our own", sight.missing()));
}

ProbeChoice choose_probes(const ProbeOptions& options) {
    KernelSupport support = gather_kernel_support(options.btf_file);
    const Support fentry = options.set == ProbeSet::timer ? Support::no("not wanted") : try_functions(support);
    auto plan = plan_probes(support, fentry, options.set);
    return {std::move(support), std::move(plan)};
}

} // namespace tcpdwell

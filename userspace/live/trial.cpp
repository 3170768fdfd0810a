// SPDX-License-Identifier: Apache-2.0
#include "live/trial.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "base/child_process.h"
#include "base/fd.h"
#include "host/netns.h"
#include "live/bpf_session.h"
#include "live/now.h"
#include "live/own_traffic.h"

namespace tcpdwell::live {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBufferBytes = 64 << 10;
/// Longer than an ACK is delayed (TCP_DELACK_MIN, 40 ms), so that the FIN that follows finds a
/// mini-socket; a machine that stands still may need longer.
constexpr std::array kPauses = {60ms, 250ms, 1000ms};

/// Where the rights for that are missing, with those of a user namespace of our own.
bool enter_own_netns() {
    if (::unshare(CLONE_NEWNET) == 0 && bring_loopback_up()) return true;
    return ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && bring_loopback_up();
}

/// nullopt if it failed.
std::optional<OwnConnection> make_connection(std::chrono::milliseconds pause) {
    const Fd listener = loopback_listener(false);
    Fd client = bound_socket(0);
    const OwnConnection made{local_port(client), local_port(listener)};
    if (!connect_to(client, made.server_port)) return std::nullopt;
    Fd server(::accept(listener.get(), nullptr, nullptr));
    client.reset();
    std::this_thread::sleep_for(pause);
    server.reset();
    if (!connect_to(bound_socket(made.client_port), made.server_port)) return std::nullopt;
    return made;
}

/// The child process that makes the connections, in a network namespace that ends with it.
class TrialConnections {
public:
    TrialConnections() {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
        line_ = Fd(ends[0]);
        const Fd theirs(ends[1]);
        child_ = ::fork();
        if (child_ != 0) return;
        exit_with([&] { return serve(theirs); });
    }
    TrialConnections(const TrialConnections&) = delete;
    TrialConnections& operator=(const TrialConnections&) = delete;
    ~TrialConnections() {
        line_.reset();
        while (child_ > 0 && ::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {}
    }

    /// Inode of the namespace; 0 if there is none.
    [[nodiscard]] std::uint32_t netns() const {
        std::uint32_t inode = 0;
        return line_ && ::read(line_.get(), &inode, sizeof(inode)) == sizeof(inode) ? inode : 0;
    }
    /// Lets one be made, to its end; nullopt if that failed.
    std::optional<OwnConnection> make(std::chrono::milliseconds pause) {
        OwnConnection made;
        if (::send(line_.get(), &pause, sizeof(pause), MSG_NOSIGNAL) <= 0) return std::nullopt;
        if (::read(line_.get(), &made, sizeof(made)) != sizeof(made)) return std::nullopt;
        return made;
    }

private:
    /// The child's part.
    int serve(const Fd& theirs) {
        line_.reset(); // so that the parent's end is the only one
        std::uint32_t netns = 0;
        if (enter_own_netns()) netns = host::own_netns_inode().value_or(0);
        bool made = ::send(theirs.get(), &netns, sizeof(netns), MSG_NOSIGNAL) > 0;
        std::chrono::milliseconds pause{};
        while (made && ::read(theirs.get(), &pause, sizeof(pause)) == sizeof(pause)) {
            const auto connection = make_connection(pause);
            made = connection &&
                   ::send(theirs.get(), &*connection, sizeof(*connection), MSG_NOSIGNAL) > 0;
        }
        return 0;
    }

    Fd line_;
    pid_t child_ = -1;
};

} // namespace

ProbePlan trial_plan(ProbeSet set, std::initializer_list<Program> programs) {
    ProbePlan plan;
    plan.set = set;
    for (const Program program : programs) plan.programs.push_back({program, "", "", true, ""});
    return plan;
}

Trial try_programs(const ProbePlan& plan, TrialObserver& sight) {
    using Outcome = Trial::Outcome;
    TrialConnections maker;
    event::Filter filter;
    filter.netns = {maker.netns()};
    if (filter.netns.wanted.front() == 0)
        return {Outcome::not_made,
                "no network namespace of our own with a loopback device can be made, which takes "
                "CAP_SYS_ADMIN and CAP_NET_ADMIN, or user namespaces"};
    auto session = BpfSession::open(plan, {}, filter, kBufferBytes);
    if (!session) return {Outcome::refused, std::strerror(session.error().error_number)};
    for (const auto pause : kPauses) {
        const auto connection = maker.make(pause);
        if (!connection) return {Outcome::not_made, "no connection of our own can be made"};
        session->drain(monotonic_ns(), [&](std::span<const std::byte> record) {
            sight.on_record(*connection, record);
        });
        if (sight.missing().empty()) return {Outcome::seen, {}};
    }
    return {Outcome::not_seen, std::string(sight.missing())};
}

} // namespace tcpdwell::live

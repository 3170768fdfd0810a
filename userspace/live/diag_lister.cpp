// SPDX-License-Identifier: Apache-2.0
#include "live/diag_lister.h"

#include <algorithm>

#include "event/encode.h"
#include "event/record.h"
#include "host/netns.h"
#include "live/sock_diag.h"

namespace tcpdwell::live {
namespace {

/// A sweep asks by jiffies, and a time of ours may be early by a millisecond and a jiffy. What is
/// listed once too often does no harm.
constexpr std::uint64_t kSlackMs = 25;

/// sock_diag reports how long a timer has still to run, but not since when. Where the kernel's look
/// can't be placed within this time (we were preempted), the timer is recorded as not known: the
/// tracker takes a timer that ends 25 ms late for one that has been set anew.
constexpr std::chrono::milliseconds kPlaced(10);
constexpr int kAttempts = 5;
constexpr std::uint32_t kTimeWait = 1u << static_cast<unsigned>(tcp::State::TIME_WAIT);

/// What can be decided of a socket without knowing its owner (bpf/filter.bpf.h does the same).
event::Filter filter_by_address(const event::Filter& filter) {
    event::Filter result;
    result.ports = filter.ports;
    result.local_ports = filter.local_ports;
    result.remote_ports = filter.remote_ports;
    result.addresses = filter.addresses;
    result.netns = filter.netns;
    result.family = filter.family;
    result.sample = filter.sample;
    return result;
}

bool is_placed(const DiagSocket& socket) { return socket.seen - socket.asked <= kPlaced; }

bool all_placed(const std::vector<DiagSocket>& sockets) {
    return std::all_of(sockets.begin(), sockets.end(), is_placed);
}

/// Again where the kernel's look at one couldn't be placed; the last attempt stands as it is.
Result<std::vector<DiagSocket>> dump_time_waits() {
    auto sockets = dump_tcp_sockets(kTimeWait);
    for (int i = 1; sockets && i < kAttempts && !all_placed(*sockets); ++i)
        sockets = dump_tcp_sockets(kTimeWait);
    return sockets;
}

bool passes(const event::Filter& filter, const DiagSocket& socket, std::uint32_t netns) {
    if (socket.state == tcp::State::LISTEN) return true; // owners and roles follow from listeners
    const std::optional<event::Process> nobody;
    return filter.matches({socket.tuple, netns, tcp::Role::unknown, nobody, nobody, std::nullopt});
}

} // namespace

DiagLister::DiagLister(const JiffiesClock& clock, const event::Filter& filter)
    : clock_(clock), filter_(filter_by_address(filter)) {}

td_socket diag_record(const DiagSocket& socket, std::uint32_t netns, const JiffiesClock& clock) {
    event::SocketListed listed{};
    listed.at = socket.seen;
    listed.netns = netns;
    listed.cookie = socket.cookie;
    listed.tuple = socket.tuple;
    listed.state = socket.state;
    listed.mini = socket.mini;
    listed.request = socket.request;
    listed.owner.cgroup = socket.cgroup;
    // Of a socket that no process holds the kernel says 0 (sock_i_uid()), which is root's.
    if (socket.inode != 0) listed.owner.uid = socket.uid;

    td_socket record = event::as<td_socket>(encode(listed, {})).value();
    record.inode = socket.inode;
    // 0 is also reported for timers that are due, whose end may have been some seconds ago. Rather
    // early than late: a timer that ends late has been set anew.
    const auto asked_ns = static_cast<std::uint64_t>(socket.asked.time_since_epoch().count());
    const auto left_ms = static_cast<std::uint64_t>(socket.expires.count());
    const bool placed = socket.seen - socket.asked <= kPlaced;
    if ((socket.mini || socket.request) && left_ms > 0 && placed)
        record.expires = clock.at(asked_ns + left_ms * 1'000'000);
    return record;
}

td_numbers diag_numbers(const DiagSocket& socket, std::uint32_t netns) {
    event::NumbersRead read{socket.seen, netns, 0, socket.cookie, socket.state, {}, {}, {}};
    const bool listens = socket.state == tcp::State::LISTEN;
    read.numbers.unread = socket.receive_queue;
    if (listens) read.backlog = socket.send_queue;
    if (socket.timer == DiagTimer::retransmit) read.numbers.timeouts = socket.retransmits;
    if (socket.timer == DiagTimer::zero_window_probe) read.numbers.probes = socket.retransmits;
    read.numbers.flags = TD_NUMBERS_LISTED;
    if (socket.inode != 0) read.numbers.flags |= TD_NUMBERS_HAS_SOCKET;
    using enum tcp::State;
    if (socket.state == CLOSE_WAIT || socket.state == LAST_ACK || socket.state == CLOSING)
        read.numbers.flags |= TD_NUMBERS_FIN_RECEIVED;
    return event::as<td_numbers>(encode(read, {})).value();
}

Result<void> DiagLister::list(const event::RecordSink& sink) {
    const auto netns = host::own_netns_inode();
    if (!netns) return tl::unexpected(netns.error());
    // By themselves, because they may have to be listed again. What enters TIME_WAIT in between is
    // reported twice.
    for (const bool time_wait : {false, true}) {
        const auto sockets =
            time_wait ? dump_time_waits() : dump_tcp_sockets(all_diag_states & ~kTimeWait);
        if (!sockets) return tl::unexpected(sockets.error());
        for (const DiagSocket& socket : *sockets)
            if (passes(filter_, socket, *netns))
                sink(event::bytes_of(diag_record(socket, *netns, clock_)));
    }
    return {};
}

Result<void> DiagLister::list_waiting(std::uint64_t, const event::RecordSink& sink) {
    constexpr auto bit = [](tcp::State state) { return 1u << static_cast<unsigned>(state); };
    using enum tcp::State;
    constexpr std::uint32_t kStates = bit(LISTEN) | bit(ESTABLISHED) | bit(CLOSE_WAIT) |
                                      bit(FIN_WAIT1) | bit(FIN_WAIT2) | bit(LAST_ACK) |
                                      bit(CLOSING);
    const auto netns = host::own_netns_inode();
    if (!netns) return tl::unexpected(netns.error());
    const auto sockets = dump_tcp_sockets(kStates);
    if (!sockets) return tl::unexpected(sockets.error());
    for (const DiagSocket& socket : *sockets) {
        if (socket.mini || !passes(filter_, socket, *netns)) continue;
        sink(event::bytes_of(diag_record(socket, *netns, clock_)));
        sink(event::bytes_of(diag_numbers(socket, *netns)));
    }
    return {};
}

Result<void> DiagLister::sweep(std::uint64_t expires, const event::RecordSink& sink) {
    const auto netns = host::own_netns_inode();
    if (!netns) return tl::unexpected(netns.error());
    const std::uint64_t slack = kSlackMs * clock_.hz / 1000 + 1;
    const std::uint64_t since =
        std::min(expires - std::min(expires, slack), unswept_since_.value_or(expires));
    unswept_since_.reset();
    const auto sockets = dump_time_waits();
    if (!sockets || !all_placed(*sockets)) unswept_since_ = since;
    if (!sockets) return tl::unexpected(sockets.error());
    for (const DiagSocket& socket : *sockets) {
        if (!socket.mini || !passes(filter_, socket, *netns)) continue;
        td_socket record = diag_record(socket, *netns, clock_);
        if (record.expires == 0 || record.expires < since) continue;
        record.flags |= TD_SOCKET_SWEEP;
        sink(event::bytes_of(record));
    }
    return {};
}

} // namespace tcpdwell::live

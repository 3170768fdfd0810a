// SPDX-License-Identifier: Apache-2.0
// Each overload fills the struct of one record kind; padding and reserved fields stay 0.
#include "event/encode.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>

#include "event/record.h"

namespace tcpdwell::event {
namespace {

td_tuple to_wire(const tcp::FourTuple& tuple) {
    td_tuple t{};
    std::copy(tuple.local.address.bytes.begin(), tuple.local.address.bytes.end(), t.local_addr);
    std::copy(tuple.remote.address.bytes.begin(), tuple.remote.address.bytes.end(), t.remote_addr);
    t.local_port = tuple.local.port;
    t.remote_port = tuple.remote.port;
    t.family = tuple.family == tcp::Family::ipv4 ? AF_INET : AF_INET6;
    return t;
}

td_task to_wire(const Owner& owner) {
    td_task task{};
    task.cgroup = owner.cgroup;
    task.uid = owner.uid.value_or(TD_NO_UID);
    if (owner.process) {
        task.pid = owner.process->pid;
        std::copy(owner.process->comm_bytes.begin(), owner.process->comm_bytes.end(), task.comm);
    }
    return task;
}

bool has_thread(const Owner& owner) { return owner.process && !owner.process->thread().empty(); }

template <class T>
T raw(const OptionalNumber<T>& number) {
    return number.value_or(std::numeric_limits<T>::max());
}

/// Fills records of every kind; knows the clock for those that carry jiffies.
class Encoder {
public:
    explicit Encoder(const ClockAnchor& clock) : clock_(clock) {}

    std::vector<std::byte> operator()(const StateChange& e) const {
        td_state_by_task r{};
        r.state.sock = e.sock;
        r.state.cookie = e.cookie;
        r.state.tuple = to_wire(e.tuple);
        r.state.from = static_cast<std::uint8_t>(e.from);
        r.state.to = static_cast<std::uint8_t>(e.to);
        r.state.error = e.error;
        r.state.shutdown = e.shutdown;
        r.state.flags = e.flags;
        r.state.has_task = e.owner ? 1 : 0;
        r.state.signal = e.signal;
        if (!e.owner) return bytes(r.state, r.state.h, TD_STATE, e.netns, e.at);
        r.task = to_wire(*e.owner);
        if (!has_thread(*e.owner)) return bytes(r, r.state.h, TD_STATE, e.netns, e.at);
        td_state_by_thread by_thread{r, {}};
        std::ranges::copy(e.owner->process->thread_bytes, by_thread.thread);
        return bytes(by_thread, by_thread.by_task.state.h, TD_STATE, e.netns, e.at);
    }
    std::vector<std::byte> operator()(const TimewaitTimer& e) const {
        td_timewait r{};
        r.mini = e.mini;
        r.cookie = e.cookie;
        r.tuple = to_wire(e.tuple);
        r.expires = jiffies(e.expires);
        r.entry_stamp = stamp(e.entered);
        r.op = e.op;
        r.substate = static_cast<std::uint8_t>(e.substate);
        r.stack = e.stack;
        return bytes(r, r.h, TD_TIMEWAIT, e.netns, e.at);
    }
    std::vector<std::byte> operator()(const RequestTimer& e) const {
        td_request r{};
        r.request = e.request;
        r.listener = e.listener;
        r.tuple = to_wire(e.tuple);
        r.op = e.op;
        r.timeouts = e.timeouts;
        r.stack = e.stack;
        return bytes(r, r.h, TD_REQUEST, e.netns, e.at);
    }
    std::vector<std::byte> operator()(const Reset& e) const {
        td_reset r{};
        r.sock = e.sock;
        r.cookie = e.cookie;
        r.direction = e.direction;
        r.reason = e.reason;
        r.reply = e.reply ? 1 : 0;
        r.state = e.state;
        return bytes(r, r.h, TD_RESET, 0, e.at);
    }
    std::vector<std::byte> operator()(const OwnerFound& e) const {
        td_owner r{};
        r.sock = e.sock;
        r.cookie = e.cookie;
        r.task = to_wire(e.owner);
        r.how = e.how;
        if (!has_thread(e.owner)) return bytes(r, r.h, TD_OWNER, 0, e.at);
        td_owner_by_thread by_thread{r, {}};
        std::ranges::copy(e.owner.process->thread_bytes, by_thread.thread);
        return bytes(by_thread, by_thread.owner.h, TD_OWNER, 0, e.at);
    }
    std::vector<std::byte> operator()(const SocketListed& e) const {
        td_socket r{};
        r.sock = e.sock;
        r.cookie = e.cookie;
        r.tuple = to_wire(e.tuple);
        r.expires = jiffies(e.expires);
        r.task = to_wire(e.owner);
        r.listener = e.listener;
        r.entry_stamp = stamp(e.entered);
        r.state = static_cast<std::uint8_t>(e.state);
        r.flags = static_cast<std::uint8_t>(
            (e.mini ? TD_SOCKET_MINI : 0) | (e.request ? TD_SOCKET_REQUEST : 0) |
            (e.sweep ? TD_SOCKET_SWEEP : 0) | (e.held == true ? TD_SOCKET_HELD : 0) |
            (e.held == false ? TD_SOCKET_UNHELD : 0));
        return bytes(r, r.h, TD_SOCKET, e.netns, e.at);
    }
    std::vector<std::byte> operator()(const Snapshot& e) const {
        td_snapshot r{};
        r.op = e.op;
        r.complete = e.complete ? 1 : 0;
        return bytes(r, r.h, TD_SNAPSHOT, e.netns, e.at);
    }
    std::vector<std::byte> operator()(const LostTotals& e) const {
        td_lost r{};
        std::copy(e.total.begin(), e.total.end(), r.total);
        return bytes(r, r.h, TD_LOST, 0, e.at, e.before ? TD_REPEATED : 0);
    }
    std::vector<std::byte> operator()(const NumbersRead& e) const {
        const SocketNumbers& n = e.numbers;
        td_numbers r{};
        r.sock = e.sock;
        r.cookie = e.cookie;
        r.bytes_sent = raw(n.bytes_sent);
        r.bytes_acked = raw(n.bytes_acked);
        r.bytes_received = raw(n.bytes_received);
        r.unsent = raw(n.unsent);
        r.unacked = raw(n.unacked);
        r.unread = raw(n.unread);
        r.backlog = raw(e.backlog);
        r.segments_sent = raw(n.segments_sent);
        r.segments_received = raw(n.segments_received);
        r.segments_retransmitted = raw(n.segments_retransmitted);
        r.rtt_us = raw(n.rtt_us);
        r.rtt_min_us = raw(n.rtt_min_us);
        r.receiver_limited = ticks(n.receiver_limited_ms);
        r.send_buffer_limited = ticks(n.send_buffer_limited_ms);
        r.since_received = ticks(n.since_received_ms);
        r.since_sent = ticks(n.since_sent_ms);
        r.peer_window = raw(n.peer_window);
        r.timeouts = n.timeouts;
        r.probes = n.probes;
        r.state = static_cast<std::uint8_t>(e.state);
        r.mptcp_state = e.mptcp_state ? static_cast<std::uint8_t>(*e.mptcp_state) : 0;
        r.flags = n.flags;
        return bytes(r, r.h, TD_NUMBERS, e.netns, e.at);
    }
    std::vector<std::byte> operator()(const HoldersFound& e) const {
        const td_holders r{header_of<td_holders>(TD_HOLDERS, wire_ns(e.at), 0),
                           e.sock,
                           e.cookie,
                           e.count,
                           static_cast<__u8>(e.partial ? 1 : 0),
                           {}};
        std::vector<td_holder> listed(std::min<std::size_t>(e.processes.size(), TD_MOST_HOLDERS));
        for (std::size_t i = 0; i < listed.size(); ++i) {
            listed[i].pid = e.processes[i].pid;
            std::ranges::copy(e.processes[i].comm_bytes, listed[i].comm);
        }
        return record_with(r, std::as_bytes(std::span(listed)));
    }
    std::vector<std::byte> operator()(const StrayReset& e) const {
        td_stray_reset r{};
        r.tuple = to_wire(e.tuple);
        r.reason = e.reason;
        r.left_out = e.left_out;
        return bytes(r, r.h, TD_STRAY_RESET, e.netns, e.at);
    }
    std::vector<std::byte> operator()(const KernelCounters& e) const {
        std::string text;
        for (const auto& [name, value] : e.counters) text += fmt::format("{} {}\n", name, value);
        return record_with(td_counters{header_of<td_counters>(TD_COUNTERS, wire_ns(e.at), e.netns)},
                           std::as_bytes(std::span(text)));
    }
    std::vector<std::byte> operator()(const RecordingStopped& e) const {
        td_stop r{};
        return bytes(r, r.h, TD_STOP, 0, e.at);
    }
    std::vector<std::byte> operator()(const ProcessForked& e) const {
        td_fork r{};
        r.parent = e.parent;
        r.pid = e.pid;
        return bytes(r, r.h, TD_FORK, 0, e.at);
    }
    std::vector<std::byte> operator()(const Gap& e) const {
        td_gap r{};
        r.until_ns = wire_ns(e.until);
        r.new_run = e.new_run ? 1 : 0;
        return bytes(r, r.h, TD_GAP, 0, e.at);
    }
    std::vector<std::byte> operator()(const ClockReading& e) const {
        td_clock r{};
        r.wall_ns = e.anchor.wall.time_since_epoch().count();
        r.jiffies = e.anchor.jiffies;
        r.hz = e.anchor.hz;
        return bytes(r, r.h, TD_CLOCK, 0, e.anchor.mono);
    }
    std::vector<std::byte> operator()(const CgroupPath& e) const {
        return cgroup_record(0, e.id, e.path);
    }
    std::vector<std::byte> operator()(const ContainerName& e) const {
        return container_record(0, e.cgroup, e.text);
    }
    std::vector<std::byte> operator()(const Fact& e) const {
        return fact_record(0, e.netns, e.key, e.value);
    }
    std::vector<std::byte> operator()(const PortKnown& e) const {
        td_port r{};
        r.sock = e.sock;
        r.cookie = e.cookie;
        r.tuple = to_wire(e.tuple);
        return bytes(r, r.h, TD_PORT, 0, e.at);
    }

private:
    /// The record, after filling its header, which is a member of it.
    template <class Record>
    static std::vector<std::byte> bytes(Record& record, td_header& header, std::uint8_t kind,
                                        std::uint32_t netns, MonoTime at, int flags = 0) {
        header = header_of<Record>(kind, wire_ns(at), netns);
        header.flags = static_cast<__u8>(flags);
        const auto view = bytes_of(record);
        return {view.begin(), view.end()};
    }
    [[nodiscard]] std::uint64_t jiffies(const std::optional<MonoTime>& at) const {
        return at && clock_.hz != 0 ? to_jiffies(*at, clock_) : 0;
    }
    [[nodiscard]] std::uint32_t ticks(const OptionalNumber<std::uint32_t>& ms) const {
        if (!ms || clock_.hz == 0) return TD_UNKNOWN32;
        return static_cast<std::uint32_t>((std::uint64_t{*ms} * clock_.hz + 500) / 1000);
    }
    static std::uint32_t stamp(const std::optional<MonoTime>& at) {
        return at ? static_cast<std::uint32_t>(wire_ns(*at) / 1'000'000) : 0;
    }

    ClockAnchor clock_;
};

} // namespace

std::uint64_t to_jiffies(MonoTime at, const ClockAnchor& clock) {
    const std::int64_t tick = 1'000'000'000 / clock.hz;
    const std::int64_t distance = (at - clock.mono).count();
    const std::int64_t half = distance < 0 ? -tick / 2 : tick / 2;
    return clock.jiffies + static_cast<std::uint64_t>((distance + half) / tick);
}

std::vector<std::byte> encode(const Event& event, const ClockAnchor& clock) {
    return std::visit(Encoder(clock), event);
}

} // namespace tcpdwell::event

// SPDX-License-Identifier: Apache-2.0
// Each overload fills the struct of one record kind; padding and reserved fields stay 0.
#include "event/encode.h"

#include <sys/socket.h>

#include <algorithm>

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
        if (!e.owner) return bytes(r.state, r.state.h, TD_STATE, e.netns, e.at);
        r.task = to_wire(*e.owner);
        return bytes(r, r.state.h, TD_STATE, e.netns, e.at);
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
        return bytes(r, r.h, TD_OWNER, 0, e.at);
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
        r.flags = static_cast<std::uint8_t>((e.mini ? TD_SOCKET_MINI : 0) |
                                            (e.request ? TD_SOCKET_REQUEST : 0) |
                                            (e.sweep ? TD_SOCKET_SWEEP : 0));
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
    static std::vector<std::byte> bytes(Record& record, td_header& header, td_kind kind,
                                        std::uint32_t netns, MonoTime at, int flags = 0) {
        header = header_of<Record>(kind, wire_ns(at), netns);
        header.flags = static_cast<__u8>(flags);
        const auto view = bytes_of(record);
        return {view.begin(), view.end()};
    }
    [[nodiscard]] std::uint64_t jiffies(const std::optional<MonoTime>& at) const {
        return at && clock_.hz != 0 ? to_jiffies(*at, clock_) : 0;
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

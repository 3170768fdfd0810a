// SPDX-License-Identifier: Apache-2.0
// What each field of a record means, and which values are impossible.
#include "event/decode.h"

#include <algorithm>
#include <charconv>

#include "event/record.h"

namespace tcpdwell::event {
namespace {

constexpr auto kLatestNs = static_cast<std::uint64_t>(kLatest.count());
/// No kernel has a tenth of it.
constexpr std::uint32_t kMostHz = 1'000'000;

tcp::FourTuple to_tuple(const td_tuple& t) {
    tcp::FourTuple tuple;
    std::copy(std::begin(t.local_addr), std::end(t.local_addr), tuple.local.address.bytes.begin());
    std::copy(std::begin(t.remote_addr), std::end(t.remote_addr),
              tuple.remote.address.bytes.begin());
    tuple.local.port = t.local_port;
    tuple.remote.port = t.remote_port;
    tuple.family = t.family == 10
                       ? tcp::Family::ipv6
                       : tcp::Family::ipv4; // AF_INET6 of Linux, also in files from other hosts
    // An IPv4 listener's peer is ::ffff:0.0.0.0:0; no peer has one form only.
    if (tuple.remote.port == 0 && tuple.remote.address.is_unspecified())
        tuple.remote = tcp::Endpoint{};
    return tuple;
}

void copy_comm(const char (&from)[TD_COMM_LEN], std::array<char, TD_COMM_LEN>& to) {
    std::copy_n(from, TD_COMM_LEN, to.begin());
}

Owner to_owner(const td_task& task) {
    Owner owner;
    owner.cgroup = task.cgroup;
    if (task.uid != TD_NO_UID) owner.uid = task.uid;
    if (task.pid != 0 || task.comm[0] != 0) {
        Process process;
        process.pid = task.pid;
        copy_comm(task.comm, process.comm_bytes);
        owner.process = process;
    }
    return owner;
}

bool valid_op(std::uint8_t op, td_timer_op last) { return op >= TD_TIMER_START && op <= last; }

/// tw_entry_stamp holds the low 32 bits of monotonic milliseconds: the newest such moment not after
/// `now`.
std::optional<MonoTime> entry_time(std::uint32_t stamp, MonoTime now) {
    if (stamp == 0) return std::nullopt;
    const std::int64_t now_ms = now.time_since_epoch().count() / 1'000'000;
    const auto age = static_cast<std::uint32_t>(static_cast<std::uint64_t>(now_ms)) - stamp;
    if (age > 0x80000000u) return now; // stamped within the present millisecond, rounded up
    return MonoTime(Nanoseconds((now_ms - static_cast<std::int64_t>(age)) * 1'000'000));
}

/// A number that a later version may have given a meaning is some other reason.
td_reset_reason reason_of(std::uint8_t value) {
    // Beyond that it is no value of the type at all.
    constexpr std::uint8_t kMostBits = 15;
    static_assert(TD_REASON_FLAGS <= kMostBits);
    if (value > kMostBits) return TD_REASON_OTHER;
    const auto reason = td_reset_reason(value);
    switch (reason) { // without default: the compiler asks for each reason that there is
    case TD_REASON_UNKNOWN:
    case TD_REASON_OTHER:
    case TD_REASON_ABORT_ON_DATA:
    case TD_REASON_ABORT_ON_CLOSE:
    case TD_REASON_ABORT_ON_LINGER:
    case TD_REASON_ABORT_ON_MEMORY:
    case TD_REASON_STATE:
    case TD_REASON_KEEPALIVE:
    case TD_REASON_TIMEWAIT:
    case TD_REASON_NO_SOCKET:
    case TD_REASON_FLAGS: return reason;
    }
    return TD_REASON_OTHER;
}

std::optional<bool> held(const td_socket& r) {
    if (r.flags & TD_SOCKET_HELD || r.inode != 0) return true; // 0.1.0 has the inode only
    return r.flags & TD_SOCKET_UNHELD ? std::optional(false) : std::nullopt;
}

/// Lines of a name and a number; nullopt if a line is something else.
std::optional<std::vector<KernelCounters::Counter>> parse_counters(std::string_view text) {
    std::vector<KernelCounters::Counter> counters;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t blank = line.find(' ');
        if (blank == 0 || blank == std::string_view::npos) return std::nullopt;
        std::uint64_t value = 0;
        const char* end = line.data() + line.size();
        const auto [parsed, error] = std::from_chars(line.data() + blank + 1, end, value);
        if (error != std::errc() || parsed != end) return std::nullopt;
        counters.push_back({std::string(line.substr(0, blank)), value});
    }
    return counters;
}

#define TCPDWELL_ONE(...) +1
static_assert(std::variant_size_v<Event> == 0 TCPDWELL_EVENT_RECORD_LIST(TCPDWELL_ONE),
              "each kind of record has its event");
#undef TCPDWELL_ONE

/// The event of a record, by its kind; nullopt if it is too short or a value is impossible.
struct Meaning {
    ClockAnchor& clock; ///< the newest
    std::span<const std::byte> record;

    [[nodiscard]] std::optional<MonoTime> jiffies(std::uint64_t value) const {
        if (clock.hz == 0 || value == 0) return std::nullopt;
        const auto ticks = static_cast<std::int64_t>(value - clock.jiffies);
        const std::int64_t seconds = ticks / clock.hz;
        constexpr std::int64_t kYear = 366 * 86'400;
        if (seconds > kYear || seconds < -kYear)
            return std::nullopt; // no timer of ours runs so long
        return clock.from_jiffies(value);
    }

    /// Nothing lasts as long as the largest number.
    [[nodiscard]] OptionalNumber<std::uint32_t> milliseconds(std::uint32_t ticks) const {
        if (clock.hz == 0 || ticks == TD_UNKNOWN32) return {};
        const std::uint64_t ms = (std::uint64_t{ticks} * 1000 + clock.hz / 2) / clock.hz;
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(ms, TD_UNKNOWN32 - 1));
    }

    std::optional<Event> operator()(const td_state& r) const {
        const auto from = tcp::state_from_kernel(r.from);
        const auto to = tcp::state_from_kernel(r.to);
        if (!from || !to) return std::nullopt;
        StateChange e{time_of(r.h), r.h.netns, r.sock,     r.cookie, to_tuple(r.tuple), *from,
                      *to,          r.error,   r.shutdown, r.flags,  std::nullopt,      r.signal};
        if (r.has_task) {
            const auto by_task = as<td_state_by_task>(record);
            if (!by_task) return std::nullopt;
            e.owner = to_owner(by_task->task);
            if (const auto by_thread = as<td_state_by_thread>(record);
                by_thread && e.owner->process)
                copy_comm(by_thread->thread, e.owner->process->thread_bytes);
        }
        return e;
    }
    std::optional<Event> operator()(const td_timewait& r) const {
        if (!valid_op(r.op, TD_TIMER_KILL)) return std::nullopt;
        const auto substate = tcp::state_from_kernel(r.substate);
        if (substate != tcp::State::FIN_WAIT2 && substate != tcp::State::TIME_WAIT)
            return std::nullopt;
        const MonoTime at = time_of(r.h);
        return TimewaitTimer{at,        r.h.netns,          r.mini,
                             r.cookie,  to_tuple(r.tuple),  td_timer_op(r.op),
                             *substate, jiffies(r.expires), entry_time(r.entry_stamp, at),
                             r.stack};
    }
    std::optional<Event> operator()(const td_request& r) const {
        if (!valid_op(r.op, TD_TIMER_REARM)) return std::nullopt;
        return RequestTimer{time_of(r.h),      r.h.netns,         r.request,  r.listener,
                            to_tuple(r.tuple), td_timer_op(r.op), r.timeouts, r.stack};
    }
    std::optional<Event> operator()(const td_reset& r) const {
        if (r.direction != TD_RESET_RECEIVED && r.direction != TD_RESET_SENT) return std::nullopt;
        return Reset{time_of(r.h),        r.sock,       r.cookie, td_reset_direction(r.direction),
                     reason_of(r.reason), r.reply != 0, r.state};
    }
    std::optional<Event> operator()(const td_owner& r) const {
        if (r.how != TD_OWNER_ACCEPTED && r.how != TD_OWNER_HOLDS) return std::nullopt;
        OwnerFound e{time_of(r.h), r.sock, r.cookie, to_owner(r.task), td_owner_how(r.how)};
        if (const auto by_thread = as<td_owner_by_thread>(record); by_thread && e.owner.process)
            copy_comm(by_thread->thread, e.owner.process->thread_bytes);
        return e;
    }
    std::optional<Event> operator()(const td_socket& r) const {
        const auto state = tcp::state_from_kernel(r.state);
        if (!state) return std::nullopt;
        const MonoTime at = time_of(r.h);
        return SocketListed{at,
                            r.h.netns,
                            r.sock,
                            r.cookie,
                            to_tuple(r.tuple),
                            *state,
                            (r.flags & TD_SOCKET_MINI) != 0,
                            (r.flags & TD_SOCKET_REQUEST) != 0,
                            (r.flags & TD_SOCKET_SWEEP) != 0,
                            jiffies(r.expires),
                            entry_time(r.entry_stamp, at),
                            r.listener,
                            to_owner(r.task),
                            held(r)};
    }
    std::optional<Event> operator()(const td_snapshot& r) const {
        if (r.op != TD_SNAPSHOT_BEGIN && r.op != TD_SNAPSHOT_END) return std::nullopt;
        return Snapshot{time_of(r.h), r.h.netns, td_snapshot_op(r.op), r.complete != 0};
    }
    std::optional<Event> operator()(const td_lost& r) const {
        if (std::ranges::any_of(r.total, [](std::uint64_t n) { return n > kMostLost; }))
            return std::nullopt;
        LostTotals e{time_of(r.h), {}, (r.h.flags & TD_REPEATED) != 0};
        std::copy(std::begin(r.total), std::end(r.total), e.total.begin());
        return e;
    }
    std::optional<Event> operator()(const td_clock& r) const {
        if (r.wall_ns < 0 || static_cast<std::uint64_t>(r.wall_ns) > kLatestNs || r.hz > kMostHz)
            return std::nullopt;
        clock = ClockAnchor{time_of(r.h), WallTime(Nanoseconds(r.wall_ns)), r.jiffies, r.hz};
        return ClockReading{clock};
    }
    std::optional<Event> operator()(const td_cgroup& r) const {
        return CgroupPath{r.id, std::string(text_after<td_cgroup>(record))};
    }
    std::optional<Event> operator()(const td_container& r) const {
        return ContainerName{r.cgroup, std::string(text_after<td_container>(record))};
    }
    std::optional<Event> operator()(const td_fact& r) const {
        const auto [key, value] = fact_text(record);
        return Fact{r.h.netns, std::string(key), std::string(value)};
    }
    std::optional<Event> operator()(const td_port& r) const {
        return PortKnown{time_of(r.h), r.sock, r.cookie, to_tuple(r.tuple)};
    }
    std::optional<Event> operator()(const td_numbers& r) const {
        const auto state = tcp::state_from_kernel(r.state);
        const auto above = tcp::state_from_kernel(r.mptcp_state);
        if (!state || (r.mptcp_state != 0 && !above)) return std::nullopt;
        SocketNumbers n;
        n.bytes_sent = r.bytes_sent;
        n.bytes_acked = r.bytes_acked;
        n.bytes_received = r.bytes_received;
        n.unsent = r.unsent;
        n.unacked = r.unacked;
        n.unread = r.unread;
        n.segments_sent = r.segments_sent;
        n.segments_received = r.segments_received;
        n.segments_retransmitted = r.segments_retransmitted;
        n.rtt_us = r.rtt_us;
        n.rtt_min_us = r.rtt_min_us;
        n.receiver_limited_ms = milliseconds(r.receiver_limited);
        n.send_buffer_limited_ms = milliseconds(r.send_buffer_limited);
        n.since_received_ms = milliseconds(r.since_received);
        n.since_sent_ms = milliseconds(r.since_sent);
        n.peer_window = r.peer_window;
        n.timeouts = r.timeouts;
        n.probes = r.probes;
        n.flags = r.flags;
        return NumbersRead{time_of(r.h), r.h.netns, r.sock, r.cookie, *state, above, r.backlog, n};
    }
    std::optional<Event> operator()(const td_holders& r) const {
        const auto listed = record.subspan(sizeof(td_holders));
        const std::size_t present = listed.size() / sizeof(td_holder);
        HoldersFound e{time_of(r.h), r.sock, r.cookie, r.count, {}, r.partial != 0};
        if (std::min<std::size_t>(r.count, TD_MOST_HOLDERS) > present) return std::nullopt;
        for (std::size_t i = 0; i < std::min<std::size_t>(r.count, TD_MOST_HOLDERS); ++i) {
            const auto holder = as<td_holder>(listed.subspan(i * sizeof(td_holder)));
            Process& process = e.processes.emplace_back();
            process.pid = holder->pid;
            copy_comm(holder->comm, process.comm_bytes);
        }
        return e;
    }
    std::optional<Event> operator()(const td_stray_reset& r) const {
        return StrayReset{time_of(r.h), r.h.netns, to_tuple(r.tuple), reason_of(r.reason),
                          r.left_out};
    }
    std::optional<Event> operator()(const td_counters& r) const {
        auto counters = parse_counters(text_after<td_counters>(record));
        if (!counters) return std::nullopt;
        return KernelCounters{time_of(r.h), r.h.netns, *std::move(counters)};
    }
    std::optional<Event> operator()(const td_stop& r) const {
        return RecordingStopped{time_of(r.h)};
    }
    std::optional<Event> operator()(const td_fork& r) const {
        return ProcessForked{time_of(r.h), r.parent, r.pid};
    }
    std::optional<Event> operator()(const td_gap& r) const {
        if (r.until_ns < r.h.time_ns || r.until_ns > kLatestNs) return std::nullopt;
        return Gap{time_of(r.h), mono_time(r.until_ns), r.new_run != 0};
    }
};

/// Each event is made in the place of the result: to move one costs as much as to make it.
std::optional<Event> event_of(const Meaning& meaning, bool& is_known) {
    switch (read_header(meaning.record).kind) {
#define TCPDWELL_CASE(kind, name, Struct)                                  \
    case kind:                                                             \
        if (const auto r = as<Struct>(meaning.record)) return meaning(*r); \
        return std::nullopt;
        TCPDWELL_EVENT_RECORD_LIST(TCPDWELL_CASE)
#undef TCPDWELL_CASE
    default: is_known = false; return std::nullopt;
    }
}

} // namespace

std::optional<Event> Decoder::decode(std::span<const std::byte> record) {
    record = first_record(record);
    if (record.empty() || read_header(record).time_ns > kLatestNs) {
        ++quality_.malformed;
        return std::nullopt;
    }

    bool is_known = true;
    std::optional<Event> event = event_of({clock_, record}, is_known);
    if (!is_known) {
        ++quality_.unknown;
    } else if (!event) {
        ++quality_.malformed;
    } else if (!admits(read_header(record).netns)) {
        ++quality_.dropped;
        event.reset();
    } else {
        ++quality_.records;
    }
    return event; // the only one with an event, so that it isn't moved
}

bool Decoder::admits(std::uint32_t netns) {
    if (netns == last_netns_ || netns == 0) return true;
    if (!namespaces_.contains(netns)) {
        if (namespaces_.size() == kMostNamespaces) return false;
        namespaces_.insert(netns);
    }
    last_netns_ = netns;
    return true;
}

} // namespace tcpdwell::event

// SPDX-License-Identifier: Apache-2.0
// Layout knowledge ends here: after this file there are no raw records, jiffies or kernel numbers.
#include "event/decode.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tcpdwell {
namespace {

/// Some 100 years. Later moments are nonsense, and differences between any two earlier ones can't overflow.
constexpr std::uint64_t kLatestNs = 3'155'760'000ULL * 1'000'000'000ULL;

/// A copy of the record as T; nullopt if it is too short. Copied because records in a file needn't be aligned.
template <class T>
std::optional<T> read(std::span<const std::byte> record) {
    if (record.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, record.data(), sizeof(T));
    return value;
}

MonoTime mono(std::uint64_t ns) { return MonoTime(Nanoseconds(static_cast<std::int64_t>(ns))); }

FourTuple to_tuple(const td_tuple& t) {
    FourTuple tuple;
    std::copy(std::begin(t.local_addr), std::end(t.local_addr), tuple.local.address.bytes.begin());
    std::copy(std::begin(t.remote_addr), std::end(t.remote_addr), tuple.remote.address.bytes.begin());
    tuple.local.port = t.local_port;
    tuple.remote.port = t.remote_port;
    tuple.family = t.family == 10 ? Family::ipv6 : Family::ipv4; // AF_INET6 of Linux, also in files from other hosts
    // An IPv4 listener's peer is ::ffff:0.0.0.0:0; no peer has one form only.
    if (tuple.remote.port == 0 && tuple.remote.address.is_unspecified()) tuple.remote = Endpoint{};
    return tuple;
}

Owner to_owner(const td_task& task) {
    Owner owner;
    owner.cgroup = task.cgroup;
    if (task.uid != TD_NO_UID) owner.uid = task.uid;
    if (task.pid != 0) {
        Process process;
        process.pid = task.pid;
        std::copy_n(task.comm, TD_COMM_LEN, process.comm_bytes.begin());
        owner.process = process;
    }
    return owner;
}

bool valid_op(std::uint8_t op, td_timer_op last) { return op >= TD_TIMER_START && op <= last; }

/// The text that follows a record's fixed part, without its padding.
std::string_view text_after(std::span<const std::byte> record, std::size_t fixed) {
    std::string_view text(reinterpret_cast<const char*>(record.data()) + fixed, record.size() - fixed);
    const auto end = text.find_last_not_of('\0');
    return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

/// tw_entry_stamp holds the low 32 bits of monotonic milliseconds: the newest such moment not after `now`.
std::optional<MonoTime> entry_time(std::uint32_t stamp, MonoTime now) {
    if (stamp == 0) return std::nullopt;
    const std::int64_t now_ms = now.time_since_epoch().count() / 1'000'000;
    const auto age = static_cast<std::uint32_t>(static_cast<std::uint64_t>(now_ms)) - stamp;
    if (age > 0x80000000u) return now; // stamped within the present millisecond, rounded up
    return MonoTime(Nanoseconds((now_ms - static_cast<std::int64_t>(age)) * 1'000'000));
}

std::optional<Event> decode_state(std::span<const std::byte> record) {
    const auto r = read<td_state>(record);
    if (!r) return std::nullopt;
    const auto from = state_from_kernel(r->from);
    const auto to = state_from_kernel(r->to);
    if (!from || !to) return std::nullopt;
    StateChange e{mono(r->h.time_ns), r->h.netns,  r->sock,  r->cookie,   to_tuple(r->tuple), *from, *to,
                  r->error,           r->shutdown, r->flags, std::nullopt};
    if (r->has_task) {
        const auto by_task = read<td_state_by_task>(record);
        if (!by_task) return std::nullopt;
        e.owner = to_owner(by_task->task);
    }
    return e;
}

std::optional<Event> decode_request(std::span<const std::byte> record) {
    const auto r = read<td_request>(record);
    if (!r || !valid_op(r->op, TD_TIMER_REARM)) return std::nullopt;
    return RequestTimer{mono(r->h.time_ns), r->h.netns,         r->request, r->listener,
                        to_tuple(r->tuple), td_timer_op(r->op), r->timeouts};
}

/// Reasons that this version doesn't know are reasons all the same.
td_reset_reason reason_of(std::uint8_t value) {
    return value > TD_REASON_TIMEWAIT ? TD_REASON_OTHER : td_reset_reason(value);
}

std::optional<Event> decode_reset(std::span<const std::byte> record) {
    const auto r = read<td_reset>(record);
    if (!r || (r->direction != TD_RESET_RECEIVED && r->direction != TD_RESET_SENT)) return std::nullopt;
    return Reset{mono(r->h.time_ns),   r->sock,       r->cookie, td_reset_direction(r->direction),
                 reason_of(r->reason), r->reply != 0, r->state};
}

std::optional<Event> decode_owner(std::span<const std::byte> record) {
    const auto r = read<td_owner>(record);
    if (!r || (r->how != TD_OWNER_ACCEPTED && r->how != TD_OWNER_HOLDS)) return std::nullopt;
    return OwnerFound{mono(r->h.time_ns), r->sock, r->cookie, to_owner(r->task), td_owner_how(r->how)};
}

std::optional<Event> decode_snapshot(std::span<const std::byte> record) {
    const auto r = read<td_snapshot>(record);
    if (!r || (r->op != TD_SNAPSHOT_BEGIN && r->op != TD_SNAPSHOT_END)) return std::nullopt;
    return Snapshot{mono(r->h.time_ns), r->h.netns, td_snapshot_op(r->op), r->complete != 0};
}

std::optional<Event> decode_lost(std::span<const std::byte> record) {
    const auto r = read<td_lost>(record);
    if (!r) return std::nullopt;
    LostTotals e{mono(r->h.time_ns), {}, (r->h.flags & TD_REPEATED) != 0};
    std::copy(std::begin(r->total), std::end(r->total), e.total.begin());
    return e;
}

std::optional<Event> decode_cgroup(std::span<const std::byte> record) {
    const auto r = read<td_cgroup>(record);
    if (!r) return std::nullopt;
    return CgroupPath{r->id, std::string(text_after(record, sizeof(td_cgroup)))};
}

std::optional<Event> decode_fact(std::span<const std::byte> record) {
    const auto r = read<td_fact>(record);
    if (!r) return std::nullopt;
    const std::string_view text = text_after(record, sizeof(td_fact));
    const auto zero = text.find('\0');
    if (zero == std::string_view::npos) return Fact{r->h.netns, std::string(text), ""};
    return Fact{r->h.netns, std::string(text.substr(0, zero)), std::string(text.substr(zero + 1))};
}

std::optional<Event> decode_port(std::span<const std::byte> record) {
    const auto r = read<td_port>(record);
    if (!r) return std::nullopt;
    return PortKnown{mono(r->h.time_ns), r->sock, r->cookie, to_tuple(r->tuple)};
}

std::optional<Event> decode_gap(std::span<const std::byte> record) {
    const auto r = read<td_gap>(record);
    if (!r || r->until_ns < r->h.time_ns || r->until_ns > kLatestNs) return std::nullopt;
    return Gap{mono(r->h.time_ns), mono(r->until_ns), r->new_run != 0};
}

} // namespace

std::optional<MonoTime> Decoder::jiffies(std::uint64_t value) const {
    if (clock_.hz == 0 || value == 0) return std::nullopt;
    const auto ticks = static_cast<std::int64_t>(value - clock_.jiffies);
    if (std::abs(ticks / clock_.hz) > 366 * 86'400) return std::nullopt; // no timer of ours runs so long
    return clock_.from_jiffies(value);
}

std::optional<Event> Decoder::decode_timewait(std::span<const std::byte> record) const {
    const auto r = read<td_timewait>(record);
    if (!r || !valid_op(r->op, TD_TIMER_KILL)) return std::nullopt;
    const auto substate = state_from_kernel(r->substate);
    if (substate != TcpState::FIN_WAIT2 && substate != TcpState::TIME_WAIT) return std::nullopt;
    const MonoTime at = mono(r->h.time_ns);
    return TimewaitTimer{at,        r->h.netns,          r->mini,
                         r->cookie, to_tuple(r->tuple),  td_timer_op(r->op),
                         *substate, jiffies(r->expires), entry_time(r->entry_stamp, at),
                         r->stack};
}

std::optional<Event> Decoder::decode_socket(std::span<const std::byte> record) const {
    const auto r = read<td_socket>(record);
    if (!r) return std::nullopt;
    const auto state = state_from_kernel(r->state);
    if (!state) return std::nullopt;
    const MonoTime at = mono(r->h.time_ns);
    return SocketListed{at,
                        r->h.netns,
                        r->sock,
                        r->cookie,
                        to_tuple(r->tuple),
                        *state,
                        (r->flags & TD_SOCKET_MINI) != 0,
                        (r->flags & TD_SOCKET_REQUEST) != 0,
                        (r->flags & TD_SOCKET_SWEEP) != 0,
                        jiffies(r->expires),
                        entry_time(r->entry_stamp, at),
                        r->listener,
                        to_owner(r->task)};
}

std::optional<Event> Decoder::decode_clock(std::span<const std::byte> record) {
    const auto r = read<td_clock>(record);
    if (!r || r->wall_ns < 0 || static_cast<std::uint64_t>(r->wall_ns) > kLatestNs) return std::nullopt;
    clock_ = ClockAnchor{mono(r->h.time_ns), WallTime(Nanoseconds(r->wall_ns)), r->jiffies, r->hz};
    return ClockReading{clock_};
}

std::optional<Event> Decoder::decode(std::span<const std::byte> record) {
    const auto header = read<td_header>(record);
    if (!header || header->size > record.size() || header->size < sizeof(td_header)) {
        ++quality_.malformed;
        return std::nullopt;
    }
    record = record.first(header->size);
    if (header->time_ns > kLatestNs) {
        ++quality_.malformed;
        return std::nullopt;
    }

    std::optional<Event> event;
    switch (header->kind) {
    case TD_STATE: event = decode_state(record); break;
    case TD_TIMEWAIT: event = decode_timewait(record); break;
    case TD_REQUEST: event = decode_request(record); break;
    case TD_RESET: event = decode_reset(record); break;
    case TD_OWNER: event = decode_owner(record); break;
    case TD_SOCKET: event = decode_socket(record); break;
    case TD_SNAPSHOT: event = decode_snapshot(record); break;
    case TD_LOST: event = decode_lost(record); break;
    case TD_CLOCK: event = decode_clock(record); break;
    case TD_CGROUP: event = decode_cgroup(record); break;
    case TD_FACT: event = decode_fact(record); break;
    case TD_PORT: event = decode_port(record); break;
    case TD_GAP: event = decode_gap(record); break;
    default: ++quality_.unknown; return std::nullopt;
    }
    if (event)
        ++quality_.records;
    else
        ++quality_.malformed;
    return event;
}

} // namespace tcpdwell

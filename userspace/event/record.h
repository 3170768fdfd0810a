// SPDX-License-Identifier: Apache-2.0
// The layout of wire records in memory: the list of their kinds, reading and writing one, walking
// over a run of them. No other file of user space copies records or headers byte by byte;
// scripts/check-layers checks this.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/time.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::event {

// --- kinds

// X(kind, name, struct) for each kind of record that has a meaning as an event. Decoder and
// anonymizer don't compile before they handle a new row; record.cpp doesn't compile (-Wswitch)
// while a value of enum td_kind has no row.
#define TCPDWELL_EVENT_RECORD_LIST(X)                                         \
    X(TD_STATE, "state", td_state) /* td_state_by_task where has_task is 1 */ \
    X(TD_TIMEWAIT, "timewait", td_timewait)                                   \
    X(TD_REQUEST, "request", td_request)                                      \
    X(TD_RESET, "reset", td_reset)                                            \
    X(TD_OWNER, "owner", td_owner)                                            \
    X(TD_SOCKET, "socket", td_socket)                                         \
    X(TD_SNAPSHOT, "snapshot", td_snapshot)                                   \
    X(TD_LOST, "lost", td_lost)                                               \
    X(TD_CLOCK, "clock", td_clock)                                            \
    X(TD_CGROUP, "cgroup", td_cgroup)                                         \
    X(TD_FACT, "fact", td_fact)                                               \
    X(TD_PORT, "port", td_port)                                               \
    X(TD_GAP, "gap", td_gap)                                                  \
    X(TD_NUMBERS, "numbers", td_numbers)                                      \
    X(TD_HOLDERS, "holders", td_holders)                                      \
    X(TD_STRAY_RESET, "stray_reset", td_stray_reset)                          \
    X(TD_COUNTERS, "counters", td_counters)                                   \
    X(TD_STOP, "stop", td_stop)                                               \
    X(TD_FORK, "fork", td_fork)                                               \
    X(TD_CONTAINER, "container", td_container)

// All kinds: those, and the mark, which recordings have between the records.
#define TCPDWELL_RECORD_LIST(X)   \
    TCPDWELL_EVENT_RECORD_LIST(X) \
    X(TD_NOW, "now", td_header)

/// One more than the largest number of a kind: the size of an array by kind.
inline constexpr std::size_t kRecordKindEnd = [] {
#define TCPDWELL_KIND(kind, name, Struct) kind,
    constexpr auto kKinds = std::to_array<td_kind>({TCPDWELL_RECORD_LIST(TCPDWELL_KIND)});
#undef TCPDWELL_KIND
    return std::size_t{*std::ranges::max_element(kKinds)} + 1;
}();

/// What `tcpdwell info` calls records of that kind; "": not a kind that this version knows.
std::string_view kind_name(std::size_t kind);

// --- reading

/// A copy of the beginning of a record as T (records needn't be aligned); nullopt: it is too short.
template <class T>
std::optional<T> as(std::span<const std::byte> record) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (record.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, record.data(), sizeof(T));
    return value;
}

/// The header of a whole record.
inline td_header read_header(std::span<const std::byte> record) {
    td_header header;
    std::memcpy(&header, record.data(), sizeof(header));
    return header;
}

/// The record that a run of records begins with; empty if there is no whole one: the run is empty
/// or cut off, or the size in the header can't be.
inline std::span<const std::byte> first_record(std::span<const std::byte> run) {
    if (run.size() < sizeof(td_header)) return {};
    const std::size_t size = read_header(run).size;
    return size < sizeof(td_header) || size > run.size() ? std::span<const std::byte>()
                                                         : run.first(size);
}

/// Calls visit(record) for each record of a run, as far as there are whole ones; returns the rest.
template <class Visit>
std::span<const std::byte> for_each_record(std::span<const std::byte> run, const Visit& visit) {
    for (auto record = first_record(run); !record.empty(); record = first_record(run)) {
        visit(record);
        run = run.subspan(record.size());
    }
    return run;
}

/// The text behind the fixed part T of a record, without its padding.
template <class T>
std::string_view text_after(std::span<const std::byte> record) {
    if (record.size() <= sizeof(T)) return {};
    const std::string_view text(reinterpret_cast<const char*>(record.data()) + sizeof(T),
                                record.size() - sizeof(T));
    return text.substr(0, text.find_last_not_of('\0') + 1); // npos + 1 is 0
}

/// The two texts of a td_fact record; valid as long as the record.
struct FactText {
    std::string_view key;
    std::string_view value;
};
FactText fact_text(std::span<const std::byte> record);

/// More records than one probe can have lost: beyond it, numbers aren't exact in JSON either.
inline constexpr std::uint64_t kMostLost = std::uint64_t{1} << 53;
/// How many records have been lost so far, over all probes, if this whole record is a td_lost with
/// possible numbers; else 0.
std::uint64_t lost_in(std::span<const std::byte> record);

// --- writing

/// The bytes of a record; valid as long as the record.
template <class T>
std::span<const std::byte> bytes_of(const T& record) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_bytes(std::span(&record, 1));
}

/// The header of a record of type T. `kind` needn't be one of td_kind.
template <class T>
td_header header_of(std::uint8_t kind, std::uint64_t time_ns, std::uint32_t netns) {
    return td_header{sizeof(T), kind, 0, netns, time_ns};
}

/// Replaces the header of a whole record.
inline void write_header(std::span<std::byte> record, const td_header& header) {
    std::memcpy(record.data(), &header, sizeof(header));
}

/// Room for the fixed part and `more` bytes, padded to a multiple of 8 with zeros, with `fixed`
/// (whose size is corrected) at its beginning. `more` becomes what a record can hold.
template <class T>
std::vector<std::byte> begin_record(const T& fixed, std::size_t& more) {
    constexpr std::size_t kLargest = 0xfff8;
    more = std::min(more, kLargest - sizeof(T) - 8);
    std::vector<std::byte> record((sizeof(T) + more + 7) / 8 * 8);
    std::ranges::copy(bytes_of(fixed), record.begin());
    td_header header = read_header(record);
    header.size = static_cast<__u16>(record.size());
    write_header(record, header);
    return record;
}
/// The fixed part of a record and what follows it, cut to what a record can hold.
template <class T>
std::vector<std::byte> record_with(const T& fixed, std::span<const std::byte> more) {
    std::size_t size = more.size();
    std::vector<std::byte> record = begin_record(fixed, size);
    std::ranges::copy(more.first(size), record.begin() + sizeof(T));
    return record;
}
/// A mark (TD_NOW): everything before `now` has been written. `flags`: enum td_flags.
td_header mark_record(MonoTime now, std::uint8_t flags = 0);
/// A td_fact record; `netns` 0 for facts about the host. Text that a record can't hold is cut.
std::vector<std::byte> fact_record(std::uint64_t time_ns, std::uint32_t netns, std::string_view key,
                                   std::string_view value);
/// A td_cgroup record. Text that a record can't hold is cut.
std::vector<std::byte> cgroup_record(std::uint64_t time_ns, std::uint64_t id,
                                     std::string_view path);
/// A td_container record; likewise.
std::vector<std::byte> container_record(std::uint64_t time_ns, std::uint64_t cgroup,
                                        std::string_view container);

// --- time

inline MonoTime mono_time(std::uint64_t ns) {
    return MonoTime(Nanoseconds(static_cast<std::int64_t>(ns)));
}
inline MonoTime time_of(const td_header& header) { return mono_time(header.time_ns); }
inline std::uint64_t wire_ns(MonoTime at) {
    return static_cast<std::uint64_t>(at.time_since_epoch().count());
}

// --- shape: the first four bytes of a record, as a number (recording/FORMAT.md)

inline std::uint32_t shape_of(std::span<const std::byte> record) {
    std::uint32_t shape = 0;
    std::memcpy(&shape, record.data(), sizeof(shape));
    return shape;
}
inline void write_shape(std::byte* record, std::uint32_t shape) {
    std::memcpy(record, &shape, sizeof(shape));
}
constexpr std::size_t size_of_shape(std::uint32_t shape) { return shape & 0xffff; }
constexpr std::uint8_t kind_of_shape(std::uint32_t shape) {
    return static_cast<std::uint8_t>(shape >> 16);
}

} // namespace tcpdwell::event

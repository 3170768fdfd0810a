// SPDX-License-Identifier: Apache-2.0
// The value of a cell: a small closed set of kinds, so that every renderer can write every column.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/time.h"
#include "tcp/address.h"
#include "tcp/close.h"
#include "tcp/state.h"

namespace tcpdwell::report {

/// An identifier over 2^53: a hex string in JSON, always `digits` long.
struct HexId {
    std::uint64_t value;
    int digits = 0; ///< leading zeros up to this length; 0: none
};

/// Address and port. An unspecified address with port 0 means "no peer"; a port of 0 means "not
/// known" (null).
struct EndpointValue {
    tcp::Endpoint endpoint;
    tcp::Family family;
    bool always_object =
        false; ///< where there is none: in JSON {"addr":null,"port":null}, for people "(connects)"
};

/// A process, or several of one name; comm is raw bytes.
struct ProcessValue {
    std::uint32_t pid; ///< 0: several, or not known
    std::string_view comm;
    /// In JSON, where it is given: the name of the thread, null for "" (the process's own name).
    std::optional<std::string_view> thread = std::nullopt;
    /// In JSON, where it is given: by what it closed, null for "", and the signal that ended it,
    /// null for 0.
    struct Manner {
        std::string_view how;
        std::uint32_t signal;
    };
    std::optional<Manner> manner = std::nullopt;
};

/// The processes that have a descriptor of one socket.
struct HolderList {
    std::span<const ProcessValue> processes;
    std::uint32_t count; ///< of all; the list may have fewer
};

/// One of the keys of a small object, which are the same in each row.
struct ObjectPart {
    std::string_view name;
    std::variant<std::monostate, std::int64_t, bool> value; ///< monostate: not known
};

/// One state of a connection's path and how long it lasted; dwell nullopt: its beginning or end
/// wasn't seen, and it has lasted for at_least (0: nothing is known).
struct StateSpan {
    tcp::State state;
    std::optional<Nanoseconds> dwell;
    Nanoseconds at_least{0};
};

struct TimeWaitValue {
    std::optional<Nanoseconds> dwell;
    tcp::TimeWaitEnd end;
    std::uint32_t restarts;
};

/// One of several numbers that belong together, such as how often each side closed first.
struct NumberPart {
    std::string_view name;
    std::variant<std::int64_t, double> number;
};

/// One of several texts that belong together, such as the sysctls of a host.
struct TextPart {
    std::string_view name;
    std::string_view text;
};

/// monostate is "not known" or "doesn't apply": null in JSON, empty in CSV, "-" in a table. Views
/// live as long as the row.
using Value =
    std::variant<std::monostate, std::int64_t, std::string_view, WallTime, Nanoseconds, HexId,
                 EndpointValue, ProcessValue, tcp::State, std::span<const StateSpan>, TimeWaitValue,
                 bool, double, std::span<const NumberPart>, std::span<const TextPart>,
                 std::span<const ObjectPart>, HolderList>;

/// A count as a cell has it.
constexpr std::int64_t count_value(std::uint64_t count) { return static_cast<std::int64_t>(count); }

} // namespace tcpdwell::report

// SPDX-License-Identifier: Apache-2.0
// Rows that every renderer is tried on: each kind of value, unknown things, and names chosen to do
// harm.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "render/renderer.h"

namespace tcpdwell::test {

/// 2026-11-21 12:34:56.123456789 UTC.
inline constexpr WallTime kTime =
    WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)) + std::chrono::hours(12) +
    std::chrono::minutes(34) + std::chrono::seconds(56) + std::chrono::nanoseconds(123'456'789);

/// A column for each kind of value.
inline constexpr Column kKindColumns[] = {
    {.id = "time", .title = "TIME", .help = "Time.", .width = 15},
    {.id = "conn", .title = "CONN", .help = "Id.", .width = 8},
    {.id = "count", .title = "COUNT", .help = "Number.", .width = 6, .align = Align::right},
    {.id = "local", .title = "LOCAL", .help = "Here.", .width = 13, .shape = Shape::endpoint},
    {.id = "remote", .title = "REMOTE", .help = "There.", .width = 16, .shape = Shape::endpoint},
    {.id = "state", .title = "STATE", .help = "State.", .width = 11},
    {.id = "dwell_ns", .title = "DWELL", .help = "Time in ns.", .width = 7, .align = Align::right},
    {.id = "process", .title = "PROCESS", .help = "Process.", .width = 9, .shape = Shape::process},
    {.id = "ending", .title = "ENDING", .help = "Ending.", .width = 10},
    {.id = "time_wait",
     .title = "TIME_WAIT",
     .help = "Time.",
     .width = 14,
     .shape = Shape::time_wait},
    {.id = "states", .title = "STATES", .help = "Path.", .width = 20},
};
inline constexpr Schema kKinds = {"kinds", kKindColumns};

/// The same in a table of fewer columns, in another order.
inline constexpr std::string_view kFewIds[] = {"state", "time"};
inline constexpr Schema kFew = {"kinds", kKindColumns, kFewIds};

inline constexpr Column kLostColumns[] = {
    {.id = "time", .title = "TIME", .help = "Time."},
    {.id = "events", .title = "EVENTS", .help = "Number."},
};
inline constexpr Schema kLost = {"lost", kLostColumns};
inline const std::vector<Value> kLostRow = {kTime, std::int64_t{5}};

inline Endpoint endpoint(std::string_view address, Port port) {
    return {IpAddress::parse(address).value(), port};
}

inline constexpr StateSpan kStates[] = {
    {TcpState::SYN_SENT, Nanoseconds(41'234)},
    {TcpState::ESTABLISHED, std::nullopt},
    {TcpState::TIME_WAIT, Nanoseconds(60'420'000'000)},
};

/// Everything is known.
inline std::vector<Value> full_row() {
    return {kTime,
            HexId{0xbeef, 8},
            std::int64_t{-42},
            EndpointValue{endpoint("10.0.0.1", 443), Family::ipv4},
            EndpointValue{endpoint("2001:db8::1", 50123), Family::ipv6},
            TcpState::FIN_WAIT1,
            Nanoseconds(3'050'000),
            ProcessValue{1234, "nginx"},
            std::string_view("fin"),
            TimeWaitValue{Nanoseconds(60'420'000'000), TimeWaitEnd::expired, 0},
            std::span<const StateSpan>(kStates)};
}

/// Nothing is known.
inline std::vector<Value> null_row() { return std::vector<Value>(std::size(kKindColumns)); }

/// Half is known: inside the values that have parts.
inline std::vector<Value> half_row() {
    std::vector<Value> row = null_row();
    row[1] = HexId{0, 0};
    row[3] = EndpointValue{endpoint("10.0.0.1", 0), Family::ipv4};
    row[4] = EndpointValue{{}, Family::ipv6};
    row[7] = ProcessValue{7, ""};
    row[8] = std::string_view("");
    row[9] = TimeWaitValue{std::nullopt, TimeWaitEnd::reused, 2};
    row[10] = std::span<const StateSpan>();
    return row;
}

/// full_row() with the name of a process and an ending that want to do harm: quotes, separators, a
/// line break, a terminal escape, a C1 control, writing from right to left, bytes that aren't
/// UTF-8; and a character of two bytes that is welcome.
inline std::vector<Value> hostile_row() {
    std::vector<Value> row = full_row();
    row[7] = ProcessValue{66, "a\"b,\n\x1b[2J\xff\xc3\xa9"};
    row[8] = std::string_view("\xc2\x9b\xe2\x80\xae\\\xe2\x82");
    return row;
}

/// What a renderer makes of `rows`, heading included.
inline std::string rendered(Format format, const Schema& schema,
                            const std::vector<std::vector<Value>>& rows, TableStyle style = {}) {
    Output out(-1);
    const auto renderer = make_renderer(format, out, style);
    renderer->begin(schema);
    for (const auto& row : rows) renderer->row(schema, row);
    renderer->finish();
    return out.buffer();
}

} // namespace tcpdwell::test

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
inline constexpr report::Column kKindColumns[] = {
    {.id = "time", .title = "TIME", .help = "Time.", .width = 15},
    {.id = "conn", .title = "CONN", .help = "Id.", .width = 8},
    {.id = "count", .title = "COUNT", .help = "Number.", .width = 6, .align = report::Align::right},
    {.id = "local",
     .title = "LOCAL",
     .help = "Here.",
     .width = 13,
     .shape = report::Shape::endpoint},
    {.id = "remote",
     .title = "REMOTE",
     .help = "There.",
     .width = 16,
     .shape = report::Shape::endpoint},
    {.id = "state", .title = "STATE", .help = "State.", .width = 11},
    {.id = "dwell_ns",
     .title = "DWELL",
     .help = "Time in ns.",
     .width = 7,
     .align = report::Align::right},
    {.id = "process",
     .title = "PROCESS",
     .help = "Process.",
     .width = 9,
     .shape = report::Shape::process},
    {.id = "ending", .title = "ENDING", .help = "Ending.", .width = 10},
    {.id = "time_wait",
     .title = "TIME_WAIT",
     .help = "Time.",
     .width = 14,
     .shape = report::Shape::time_wait},
    {.id = "states", .title = "STATES", .help = "Path.", .width = 20},
};
inline constexpr report::Schema kKinds = {"kinds", kKindColumns};

/// The same in a table of fewer columns, in another order.
inline constexpr std::string_view kFewIds[] = {"state", "time"};
inline constexpr report::Schema kFew = {"kinds", kKindColumns, kFewIds};

inline constexpr report::Column kLostColumns[] = {
    {.id = "time", .title = "TIME", .help = "Time."},
    {.id = "events", .title = "EVENTS", .help = "Number."},
};
inline constexpr report::Schema kLost = {"lost", kLostColumns};
inline const std::vector<report::Value> kLostRow = {kTime, std::int64_t{5}};

inline tcp::Endpoint endpoint(std::string_view address, tcp::Port port) {
    return {tcp::IpAddress::parse(address).value(), port};
}

inline constexpr report::StateSpan kStates[] = {
    {tcp::State::SYN_SENT, Nanoseconds(41'234)},
    {tcp::State::ESTABLISHED, std::nullopt},
    {tcp::State::TIME_WAIT, Nanoseconds(60'420'000'000)},
};

/// Everything is known.
inline std::vector<report::Value> full_row() {
    return {kTime,
            report::HexId{0xbeef, 8},
            std::int64_t{-42},
            report::EndpointValue{endpoint("10.0.0.1", 443), tcp::Family::ipv4},
            report::EndpointValue{endpoint("2001:db8::1", 50123), tcp::Family::ipv6},
            tcp::State::FIN_WAIT1,
            Nanoseconds(3'050'000),
            report::ProcessValue{1234, "nginx"},
            std::string_view("fin"),
            report::TimeWaitValue{Nanoseconds(60'420'000'000), tcp::TimeWaitEnd::expired, 0},
            std::span<const report::StateSpan>(kStates)};
}

/// Nothing is known.
inline std::vector<report::Value> null_row() {
    return std::vector<report::Value>(std::size(kKindColumns));
}

/// Half is known: inside the values that have parts.
inline std::vector<report::Value> half_row() {
    std::vector<report::Value> row = null_row();
    row[1] = report::HexId{0, 0};
    row[3] = report::EndpointValue{endpoint("10.0.0.1", 0), tcp::Family::ipv4};
    row[4] = report::EndpointValue{{}, tcp::Family::ipv6};
    row[7] = report::ProcessValue{7, ""};
    row[8] = std::string_view("");
    row[9] = report::TimeWaitValue{std::nullopt, tcp::TimeWaitEnd::reused, 2};
    row[10] = std::span<const report::StateSpan>();
    return row;
}

/// full_row() with the name of a process and an ending that want to do harm: quotes, separators, a
/// line break, a terminal escape, a C1 control, writing from right to left, bytes that aren't
/// UTF-8; and a character of two bytes that is welcome.
inline std::vector<report::Value> hostile_row() {
    std::vector<report::Value> row = full_row();
    row[7] = report::ProcessValue{66, "a\"b,\n\x1b[2J\xff\xc3\xa9"};
    row[8] = std::string_view("\xc2\x9b\xe2\x80\xae\\\xe2\x82");
    return row;
}

/// What a renderer makes of `rows`, heading included.
inline std::string rendered(render::Format format, const report::Schema& schema,
                            const std::vector<std::vector<report::Value>>& rows,
                            render::TableStyle style = {}) {
    render::Output out(-1);
    const auto renderer = make_renderer(format, out, style);
    renderer->begin(schema);
    for (const auto& row : rows) renderer->row(schema, row);
    renderer->finish();
    return out.buffer();
}

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// A small report with everything that a renderer can be given, made by hand.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"
#include "rows.h"

namespace tcpdwell::test {

using namespace std::chrono_literals;

/// Values up to 127 ns have a bucket each, as in the analyses' histogram; larger ones are made to
/// fit by hand.
inline DurationBucket bucket(Nanoseconds low, Nanoseconds high, std::uint64_t count) {
    return {low, high, count};
}

/// One with so many samples at each of these durations, in buckets of the width that the analyses
/// have.
inline Distribution distribution(std::string_view id,
                                 std::vector<std::pair<Nanoseconds, std::uint64_t>> samples) {
    Distribution d;
    d.id = id;
    long double sum = 0;
    for (const auto& [value, count] : samples) {
        std::int64_t width = 1;
        while (value.count() / 64 >= 2 * width) width *= 2;
        const Nanoseconds low(value.count() / width * width);
        if (d.buckets.empty() || d.buckets.back().low != low)
            d.buckets.push_back({low, low + Nanoseconds(width), 0});
        d.buckets.back().count += count;
        d.count += count;
        sum += static_cast<long double>(value.count()) * static_cast<long double>(count);
    }
    if (samples.empty()) return d;
    d.min = samples.front().first;
    d.max = samples.back().first;
    d.mean = Nanoseconds(static_cast<std::int64_t>(sum / static_cast<long double>(d.count)));
    d.p50 = d.p90 = d.p99 = d.p999 = d.max;
    return d;
}

inline constexpr Column kServiceColumns[] = {
    {.id = "local", .title = "Service", .help = "Where."},
    {.id = "process", .title = "Process", .help = "Who."},
    {.id = "connections", .title = "Connections", .help = "How many."},
    {.id = "closed_first", .title = "Closed first", .help = "By whom."},
    {.id = "note", .title = "Note", .help = "What else."},
};
inline constexpr TableView kServiceView[] = {
    {"local", "SERVICE", "Where.", 21, Align::left},
    {"process", "PROCESS", "Who.", 13, Align::left},
    {"connections", "CONNS", "How many.", 7},
    {"closed_first.local", "LOCAL", "By this side.", 7},
    {"closed_first.both", "BOTH", "By both.", 7},
};

/// The name of a process that wants to do harm: an escape sequence, a line break, writing from
/// right to left, a C1 control, bytes that aren't UTF-8.
inline constexpr std::string_view kHostile = "a\x1b[31m\nb\xe2\x80\xae\xc2\x9b\xff";

/// Sections of every kind. `comm` is the name of the process in it.
inline Report sample_report(std::string_view comm = "nginx") {
    Report report;
    const std::string_view name = report.keep(std::string(comm));
    report.sections.push_back({"meta", "The run", "",
                               Facts{{{"source", "source", std::string_view("live")},
                                      {"host", "host", std::string_view("server")},
                                      {"kernel", "kernel", std::string_view("6.18")},
                                      {"begin", "from", kTime},
                                      {"end", "to", kTime + 90s},
                                      {"duration_ns", "lasting", Nanoseconds(90s)},
                                      {"interval", "", false},
                                      {"netns", "network namespaces", std::int64_t{1}},
                                      {"filter", "filter", Value()}}},
                               SectionPlace::background, false});
    report.sections.push_back({"quality", "Quality of the data", "",
                               Facts{{{"lost", "events lost", std::int64_t{0}},
                                      {"holes", "holes in the recording", std::int64_t{0}},
                                      {"connections", "connections", std::int64_t{5}},
                                      {"ended", "ended", std::int64_t{4}},
                                      {"open", "open", std::int64_t{1}},
                                      {"joined", "already open", std::int64_t{0}},
                                      {"gap", "with gaps", std::int64_t{0}},
                                      {"quantile_error", "", 0.0078125}}},
                               SectionPlace::background, false});
    Finding finding;
    finding.id = "close_wait_leak";
    finding.severity = Severity::critical;
    finding.what = report.keep(std::string(comm) + " (pid 12) has 7 sockets in CLOSE_WAIT.");
    finding.evidence = {{"sockets", "sockets so old", std::int64_t{7}},
                        {"oldest_ns", "the oldest", Nanoseconds(75s)},
                        {"share", "share", 0.25},
                        {"left", "seconds left", Value()},
                        {"comm", "process", name}};
    finding.connections = {HexId{0xabc, 16}, HexId{0x123456789abcdef0, 16}};
    finding.advice = {"Close it.", report.keep("Look at " + std::string(comm) + ".")};
    report.sections.push_back(
        {"findings", "Findings", "", Findings{{finding}}, SectionPlace::findings});

    Distributions states;
    states.has_bars = true;
    auto& members = states.groups.emplace_back().members;
    members.push_back(distribution("SYN_SENT", {}));
    members.push_back(distribution("TIME_WAIT", {{60'100ms, 20}, {61'500ms, 21}}));
    for (Distribution& d : members) d.open = 0;
    members[1].open = 3;
    members[1].oldest = 12s;
    members[1].nominal = 60s;
    report.sections.push_back(
        {"states", "Dwell time by state", "How long.", std::move(states), SectionPlace::durations});
    Distributions parts;
    parts.split_by = "service";
    auto& group = parts.groups.emplace_back();
    group.label = report.keep("0.0.0.0:80 " + std::string(comm));
    group.members.push_back(distribution("ESTABLISHED", {{5ms, 2}}));
    report.sections.push_back(
        {"states_by", "Dwell time by part", "", std::move(parts), SectionPlace::durations});
    Distributions latencies;
    latencies.groups.emplace_back().members.push_back(distribution("connect", {{350us, 4}}));
    latencies.groups[0].members[0].title = "SYN to ESTABLISHED, active";
    report.sections.push_back(
        {"latencies", "Latencies", "", std::move(latencies), SectionPlace::durations});
    report.sections.push_back(
        {"transitions", "Transitions", "",
         StateDiagram{{{TcpState::CLOSE, TcpState::SYN_SENT, 4, std::nullopt, EdgeKind::rfc9293},
                       {TcpState::TIME_WAIT, TcpState::ESTABLISHED, 1, 5s, EdgeKind::unexpected}}},
         SectionPlace::states});
    const auto closers = report.keep(std::vector<NumberPart>{
        {"local", std::int64_t{3}}, {"remote", std::int64_t{1}}, {"held", 2.5}});
    Table table{kServiceColumns, kServiceView, {}};
    table.rows.push_back({EndpointValue{endpoint("0.0.0.0", 80), Family::ipv4, true},
                          ProcessValue{12, name}, std::int64_t{4}, closers, Value()});
    table.rows.push_back({EndpointValue{{}, Family::ipv4, true}, ProcessValue{0, name},
                          std::int64_t{1}, closers, Value()});
    report.sections.push_back(
        {"services", "Who closes first", "Most first.", std::move(table), SectionPlace::who});
    Timeline timeline{std::chrono::time_point_cast<Nanoseconds>(kTime), 100ms, {}};
    timeline.series.push_back({TcpState::ESTABLISHED, {0, 1, 4, 2, 0}});
    report.sections.push_back(
        {"timeline", "States over time", "", std::move(timeline), SectionPlace::states});
    return report;
}

} // namespace tcpdwell::test

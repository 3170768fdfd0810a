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
inline report::DurationBucket bucket(Nanoseconds low, Nanoseconds high, std::uint64_t count) {
    return {low, high, count};
}

/// One with so many samples at each of these durations, in buckets of the width that the analyses
/// have.
inline report::Distribution
distribution(std::string_view id, std::vector<std::pair<Nanoseconds, std::uint64_t>> samples) {
    report::Distribution d;
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

inline constexpr report::Column kServiceColumns[] = {
    {.id = "local", .title = "Service", .help = "Where."},
    {.id = "process", .title = "Process", .help = "Who."},
    {.id = "connections", .title = "Connections", .help = "How many."},
    {.id = "closed_first", .title = "Closed first", .help = "By whom."},
    {.id = "note", .title = "Note", .help = "What else."},
};
inline constexpr report::TableView kServiceView[] = {
    {"local", "SERVICE", "Where.", 21, report::Align::left},
    {"process", "PROCESS", "Who.", 13, report::Align::left},
    {"connections", "CONNS", "How many.", 7},
    {"closed_first.local", "LOCAL", "By this side.", 7},
    {"closed_first.both", "BOTH", "By both.", 7},
};

/// The name of a process that wants to do harm: an escape sequence, a line break, writing from
/// right to left, a C1 control, bytes that aren't UTF-8.
inline constexpr std::string_view kHostile = "a\x1b[31m\nb\xe2\x80\xae\xc2\x9b\xff";

/// Sections of every kind. `comm` is the name of the process in it.
inline report::Report sample_report(std::string_view comm = "nginx") {
    report::Report report;
    const std::string_view name = report.keep(std::string(comm));
    report.sections.push_back({"meta", "The run", "",
                               report::Facts{{{"source", "source", std::string_view("live")},
                                              {"host", "host", std::string_view("server")},
                                              {"kernel", "kernel", std::string_view("6.18")},
                                              {"begin", "from", kTime},
                                              {"end", "to", kTime + 90s},
                                              {"duration_ns", "lasting", Nanoseconds(90s)},
                                              {"interval", "", false},
                                              {"netns", "network namespaces", std::int64_t{1}},
                                              {"filter", "filter", report::Value()}}},
                               report::SectionPlace::background, false});
    report.sections.push_back({"quality", "Quality of the data", "",
                               report::Facts{{{"lost", "events lost", std::int64_t{0}},
                                              {"holes", "holes in the recording", std::int64_t{0}},
                                              {"connections", "connections", std::int64_t{5}},
                                              {"ended", "ended", std::int64_t{4}},
                                              {"open", "open", std::int64_t{1}},
                                              {"joined", "already open", std::int64_t{0}},
                                              {"gap", "with gaps", std::int64_t{0}},
                                              {"quantile_error", "", 0.0078125}}},
                               report::SectionPlace::background, false});
    report::Finding finding;
    finding.id = "close_wait_leak";
    finding.severity = report::Severity::critical;
    finding.what = report.keep(std::string(comm) + " (pid 12) has 7 sockets in CLOSE_WAIT.");
    finding.evidence = {{"sockets", "sockets so old", std::int64_t{7}},
                        {"oldest_ns", "the oldest", Nanoseconds(75s)},
                        {"share", "share", 0.25},
                        {"left", "seconds left", report::Value()},
                        {"comm", "process", name}};
    finding.connections = {report::HexId{0xabc, 16}, report::HexId{0x123456789abcdef0, 16}};
    finding.advice = {"Close it.", report.keep("Look at " + std::string(comm) + ".")};
    report.sections.push_back(
        {"findings", "Findings", "", report::Findings{{finding}}, report::SectionPlace::findings});

    report::Distributions states;
    states.has_bars = true;
    auto& members = states.groups.emplace_back().members;
    members.push_back(distribution("SYN_SENT", {}));
    members.push_back(distribution("TIME_WAIT", {{60'100ms, 20}, {61'500ms, 21}}));
    for (report::Distribution& d : members) d.open = 0;
    members[1].open = 3;
    members[1].oldest = 12s;
    members[1].nominal = 60s;
    report.sections.push_back({"states", "Dwell time by state", "How long.", std::move(states),
                               report::SectionPlace::durations});
    report::Distributions parts;
    parts.split_by = "service";
    auto& group = parts.groups.emplace_back();
    group.label = report.keep("0.0.0.0:80 " + std::string(comm));
    group.members.push_back(distribution("ESTABLISHED", {{5ms, 2}}));
    report.sections.push_back(
        {"states_by", "Dwell time by part", "", std::move(parts), report::SectionPlace::durations});
    report::Distributions latencies;
    latencies.groups.emplace_back().members.push_back(distribution("connect", {{350us, 4}}));
    latencies.groups[0].members[0].title = "SYN to ESTABLISHED, active";
    report.sections.push_back(
        {"latencies", "Latencies", "", std::move(latencies), report::SectionPlace::durations});
    report.sections.push_back(
        {"transitions", "Transitions", "",
         report::StateDiagram{
             {{tcp::State::CLOSE, tcp::State::SYN_SENT, 4, std::nullopt, tcp::EdgeKind::rfc9293},
              {tcp::State::TIME_WAIT, tcp::State::ESTABLISHED, 1, 5s, tcp::EdgeKind::unexpected}}},
         report::SectionPlace::states});
    const auto closers = report.keep(std::vector<report::NumberPart>{
        {"local", std::int64_t{3}}, {"remote", std::int64_t{1}}, {"held", 2.5}});
    report::Table table{kServiceColumns, kServiceView, {}};
    table.rows.push_back({report::EndpointValue{endpoint("0.0.0.0", 80), tcp::Family::ipv4, true},
                          report::ProcessValue{12, name}, std::int64_t{4}, closers,
                          report::Value()});
    table.rows.push_back({report::EndpointValue{{}, tcp::Family::ipv4, true},
                          report::ProcessValue{0, name}, std::int64_t{1}, closers,
                          report::Value()});
    report.sections.push_back({"services", "Who closes first", "Most first.", std::move(table),
                               report::SectionPlace::who});
    report::Timeline timeline{std::chrono::time_point_cast<Nanoseconds>(kTime), 100ms, {}};
    timeline.series.push_back({tcp::State::ESTABLISHED, {0, 1, 4, 2, 0}});
    report.sections.push_back(
        {"timeline", "States over time", "", std::move(timeline), report::SectionPlace::states});
    return report;
}

} // namespace tcpdwell::test

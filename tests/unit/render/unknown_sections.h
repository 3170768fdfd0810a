// SPDX-License-Identifier: Apache-2.0
// A report of sections that no renderer has ever heard of, one of each kind: all of them have to be
// shown.
#pragma once

#include "sample_report.h"

namespace tcpdwell::test {

/// A word for each kind of section, in its title, and one in its body.
struct UnknownSection {
    std::string_view id;
    std::string_view kind;
    std::string_view title;
    std::string_view content; ///< in a text, and on a page
};
inline constexpr UnknownSection kUnknownSections[] = {
    {"queue_facts", "facts", "Facts of queues", "4242"},
    {"queue_delays", "distributions", "Delays of queues", "from SYN to accept()"},
    {"queues", "table", "Table of queues", "backlog-a"},
    {"queue_edges", "diagram", "Edges of queues", "LAST_ACK"},
    {"queue_lengths", "timeline", "Lengths of queues", "CLOSE_WAIT"},
    {"queue_findings", "findings", "Findings on queues", "The queue is full."},
};

/// No view: people see the columns.
inline constexpr report::Column kQueueColumns[] = {
    {.id = "queue", .title = "Queue", .help = "Its name."},
    {.id = "length",
     .title = "Length",
     .help = "Connections in it.",
     .align = report::Align::right},
};

inline report::Report unknown_sections() {
    const auto& of = kUnknownSections;
    report::Report report;
    const auto add = [&](std::size_t i, report::SectionBody body) {
        report.sections.push_back({of[i].id, of[i].title, "Help on it.", std::move(body)});
    };
    add(0, report::Facts{{{"limit", "the limit", std::int64_t{4242}}}});
    report::Distributions delays;
    delays.groups.emplace_back().members.push_back(distribution("accept", {{3ms, 5}, {9ms, 1}}));
    delays.groups[0].members[0].title = of[1].content;
    add(1, std::move(delays));
    report::Table table{kQueueColumns, {}, {}};
    table.rows.push_back({of[2].content, std::int64_t{77}});
    add(2, std::move(table));
    add(3, report::StateDiagram{
               {{tcp::State::LAST_ACK, tcp::State::CLOSE, 31, 2ms, tcp::EdgeKind::rfc9293}}});
    report::Timeline timeline{std::chrono::time_point_cast<Nanoseconds>(kTime), 100ms, {}};
    timeline.series.push_back({tcp::State::CLOSE_WAIT, {0, 9, 4}});
    add(4, std::move(timeline));
    report::Finding finding;
    finding.id = "queue_full";
    finding.severity = report::Severity::warning;
    finding.what = of[5].content;
    add(5, report::Findings{{finding}});
    return report;
}

} // namespace tcpdwell::test

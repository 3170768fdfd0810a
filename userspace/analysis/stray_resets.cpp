// SPDX-License-Identifier: Apache-2.0
#include "analysis/stray_resets.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "event/reset_word.h"

namespace tcpdwell::analysis {
namespace {

constexpr report::Column kStrayColumns[] = {
    {.id = "netns",
     .title = "NETNS",
     .help = "Network namespace (inode).",
     .width = 10,
     .align = report::Align::right},
    {.id = "local",
     .title = "LOCAL",
     .help = "Where the segments were sent to; without a port if that of the peer is the service's "
             "(the lower one).",
     .width = 21,
     .shape = report::Shape::endpoint},
    {.id = "remote",
     .title = "REMOTE",
     .help = "Who sent them; without a port if ours is the service's.",
     .width = 21,
     .shape = report::Shape::endpoint},
    {.id = "reason", .title = "REASON", .help = "Of the kernel.", .width = 12},
    {.id = "count",
     .title = "COUNT",
     .help = "So many; a row without addresses has those of which no more is known.",
     .width = 10,
     .align = report::Align::right},
};

} // namespace

void StrayResetAnalysis::on_stray_reset(const track::StrayResetLine& line, Weight weight) {
    left_out_ += line.left_out;
    Key key{line.netns, line.tuple, line.reason};
    auto& ephemeral = line.tuple.local.port < line.tuple.remote.port ? key.tuple.remote.port
                                                                     : key.tuple.local.port;
    ephemeral = 0;
    if (const auto known = counts_.find(key); known != counts_.end())
        known->second += weight;
    else if (counts_.size() < kMostRows)
        counts_.emplace(key, weight);
    else
        others_ += weight;
}

void StrayResetAnalysis::next_interval(MonoTime) {
    counts_.clear();
    others_ = left_out_ = 0;
}

void StrayResetAnalysis::add_to(report::Report& report, const ReportContext&) {
    if (counts_.empty()) return;
    std::vector<std::pair<Key, std::uint64_t>> rows(counts_.begin(), counts_.end());
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    report::Table table{kStrayColumns, {}, {}};
    for (const auto& [key, count] : rows) {
        const std::string_view reason = event::reset_word(key.reason);
        table.rows.push_back(
            {std::int64_t{key.netns}, report::EndpointValue{key.tuple.local, key.tuple.family},
             report::EndpointValue{key.tuple.remote, key.tuple.family},
             reason.empty() ? report::Value() : report::Value(reason), report::count_value(count)});
    }
    if (const std::uint64_t rest = others_ + left_out_; rest != 0)
        table.rows.push_back({report::Value(), report::Value(), report::Value(), report::Value(),
                              report::count_value(rest)});
    report.sections.push_back({"stray_resets", "Stray resets",
                               "RSTs that this host sent for segments that belong to none of its "
                               "sockets. Refused connects aren't among them.",
                               std::move(table), report::SectionPlace::other});
}

} // namespace tcpdwell::analysis

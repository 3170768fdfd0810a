// SPDX-License-Identifier: Apache-2.0
#include "analysis/kernel_counters.h"

namespace tcpdwell::analysis {
namespace {

constexpr report::Column kCounterColumns[] = {
    {.id = "netns",
     .title = "NETNS",
     .help = "Network namespace (inode).",
     .width = 10,
     .align = report::Align::right},
    {.id = "counter", .title = "COUNTER", .help = "As nstat(8) has it.", .width = 28},
    {.id = "count",
     .title = "COUNT",
     .help = "By how much it grew.",
     .width = 12,
     .align = report::Align::right},
};

} // namespace

void CounterAnalysis::add_to(report::Report& report, const ReportContext&) {
    if (!has_readings_) return;
    report::Table table{kCounterColumns, {}, {}};
    for (const auto& [key, counter] : growth_.counters())
        if (counter.growth != 0)
            table.rows.push_back({std::int64_t{key.first}, report.keep(key.second),
                                  report::count_value(counter.growth)});
    report.sections.push_back({"counters", "Kernel counters",
                               "What the kernel itself counted in each network namespace, whatever "
                               "the filter says of ports and programs; those that grew.",
                               std::move(table), report::SectionPlace::other});
}

} // namespace tcpdwell::analysis

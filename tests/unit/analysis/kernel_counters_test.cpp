// SPDX-License-Identifier: Apache-2.0
// By how much the kernel's own counters grew, by its readings.
#include "analysis/kernel_counters.h"

#include <gtest/gtest.h>

#include "lines.h"
#include "report_access.h"
#include "tracked_report.h"

namespace tcpdwell::test {
namespace {

using Counters = std::vector<event::KernelCounters::Counter>;

void read(TrackedReport& run, Nanoseconds when, Counters counters, std::uint32_t netns = kNetns) {
    run.feed(event::KernelCounters{at(when), netns, std::move(counters)}, at(when));
}

TEST(CounterAnalysis, shows_what_grew_between_the_readings) {
    TrackedReport run;
    read(run, 1s, {{"Tcp.OutRsts", 5}, {"TcpExt.ListenOverflows", 100}, {"TcpExt.TW", 7}});
    read(run, 1s, {{"Tcp.OutRsts", 0}}, kNetns + 1);
    read(run, 11s, {{"Tcp.OutRsts", 6}, {"TcpExt.ListenOverflows", 100}, {"TcpExt.TW", 9}});
    read(run, 21s, {{"Tcp.OutRsts", 8}, {"TcpExt.ListenOverflows", 100}, {"TcpExt.TW", 9}});
    read(run, 21s, {{"Tcp.OutRsts", 4}}, kNetns + 1);
    const report::Report report = run.report();
    const auto& table = section<report::Table>(report, "counters");
    ASSERT_EQ(table.rows.size(), 3u);
    EXPECT_EQ(number(cell(table, 0, "netns")), kNetns);
    EXPECT_EQ(std::get<std::string_view>(cell(table, 0, "counter")), "Tcp.OutRsts");
    EXPECT_EQ(number(cell(table, 0, "count")), 3);
    EXPECT_EQ(std::get<std::string_view>(cell(table, 1, "counter")), "TcpExt.TW");
    EXPECT_EQ(number(cell(table, 1, "count")), 2);
    EXPECT_EQ(number(cell(table, 2, "netns")), kNetns + 1);
    EXPECT_EQ(number(cell(table, 2, "count")), 4);
}

TEST(CounterAnalysis, an_interval_counts_from_the_last_reading_before_it) {
    TrackedReport run;
    read(run, 1s, {{"TcpExt.TW", 10}});
    read(run, 11s, {{"TcpExt.TW", 12}});
    const report::Report first = run.interval();
    EXPECT_EQ(number(cell(section<report::Table>(first, "counters"), 0, "count")), 2);
    read(run, 21s, {{"TcpExt.TW", 17}});
    const report::Report second = run.report();
    EXPECT_EQ(number(cell(section<report::Table>(second, "counters"), 0, "count")), 5);
}

TEST(CounterAnalysis, without_readings_there_is_no_section) {
    TrackedReport run;
    run.pass_time(at(20s));
    EXPECT_EQ(run.report().find("counters"), nullptr);
}

track::CountersLine line_of(const Counters& counters, std::uint32_t netns = kNetns) {
    return {at(1s), netns, counters};
}

TEST(CounterGrowth, sums_over_namespaces) {
    analysis::CounterGrowth growth;
    for (const std::uint64_t value : {1, 4}) {
        growth.on_counters(line_of({{"TcpExt.TW", value}, {"Tcp.OutRsts", value}}, 1));
        growth.on_counters(line_of({{"TcpExt.TW", 2 * value}}, 2));
    }
    EXPECT_EQ(growth.growth(1, "TcpExt.TW"), 3u);
    EXPECT_EQ(growth.growth(2, "TcpExt.TW"), 6u);
    EXPECT_EQ(growth.growth(3, "TcpExt.TW"), 0u);
    EXPECT_EQ(growth.total("TcpExt.TW"), 9u);
    EXPECT_EQ(growth.total("TcpExt.None"), 0u);
    EXPECT_EQ(growth.grown(1),
              (std::map<std::string_view, std::uint64_t>{{"OutRsts", 3}, {"TW", 3}}));
}

TEST(CounterGrowth, a_counter_that_went_back_is_of_a_new_namespace) {
    analysis::CounterGrowth growth;
    for (const std::uint64_t value : {100, 110, 3, 5})
        growth.on_counters(line_of({{"TcpExt.TW", value}}));
    EXPECT_EQ(growth.total("TcpExt.TW"), 15u);
}

TEST(CounterGrowth, passes_over_what_is_no_name) {
    analysis::CounterGrowth growth;
    for (const char* name : {"TcpExt.", "TcpExt.time", "TcpExt.A\"", "Udp.InErrors", "TW", ".TW",
                             "Tcp.A.B", "TcpExt.\xff"})
        growth.on_counters(line_of({{name, 1}}));
    EXPECT_TRUE(growth.counters().empty());
}

TEST(CounterGrowth, takes_so_many_and_no_more) {
    analysis::CounterGrowth growth;
    for (std::uint32_t netns = 0; netns <= analysis::CounterGrowth::kMostCounters; ++netns)
        growth.on_counters(line_of({{"TcpExt.TW", 1}}, netns));
    EXPECT_EQ(growth.counters().size(), analysis::CounterGrowth::kMostCounters);
}

} // namespace
} // namespace tcpdwell::test

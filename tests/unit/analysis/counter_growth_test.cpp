// SPDX-License-Identifier: Apache-2.0
// By how much the kernel's counters grew, whatever a recording calls them.
#include "analysis/counter_growth.h"

#include <gtest/gtest.h>

#include "lines.h"

namespace tcpdwell::test {
namespace {

struct CounterGrowthTest : testing::Test {
    analysis::CounterGrowth growth;

    void read(std::vector<event::KernelCounters::Counter> counters, std::uint32_t netns = kNetns,
              Nanoseconds when = 1s) {
        growth.on_counters({at(when), netns, counters});
    }
};

TEST_F(CounterGrowthTest, is_counted_from_the_first_reading) {
    read({{"TcpExt.TW", 100}, {"Tcp.RetransSegs", 7}});
    EXPECT_EQ(growth.growth(kNetns, "TcpExt.TW"), 0u);
    read({{"TcpExt.TW", 103}, {"Tcp.RetransSegs", 7}});
    read({{"TcpExt.TW", 108}});
    EXPECT_EQ(growth.growth(kNetns, "TcpExt.TW"), 8u);
    EXPECT_EQ(growth.grown(kNetns), (std::map<std::string_view, std::uint64_t>{{"TW", 8}}));
    growth.begin_anew();
    EXPECT_EQ(growth.growth(kNetns, "TcpExt.TW"), 0u);
    read({{"TcpExt.TW", 109}});
    EXPECT_EQ(growth.growth(kNetns, "TcpExt.TW"), 1u);
}

TEST_F(CounterGrowthTest, is_of_the_time_between_readings) {
    EXPECT_EQ(growth.time_read(kNetns), 0s);
    read({{"TcpExt.TW", 1}}, kNetns, 2s);
    EXPECT_EQ(growth.time_read(kNetns), 0s);
    read({{"TcpExt.TW", 2}}, kNetns, 5s);
    EXPECT_EQ(growth.time_read(kNetns), 3s);
    growth.begin_anew();
    EXPECT_EQ(growth.time_read(kNetns), 0s);
    read({{"TcpExt.TW", 3}}, kNetns, 15s);
    EXPECT_EQ(growth.time_read(kNetns), 10s) << "from the reading before";
    EXPECT_EQ(growth.time_read(kNetns + 1), 0s);
}

TEST_F(CounterGrowthTest, of_a_counter_that_went_back_is_all_that_it_has) {
    read({{"TcpExt.TW", 100}});
    read({{"TcpExt.TW", 30}});
    read({{"TcpExt.TW", 31}});
    EXPECT_EQ(growth.growth(kNetns, "TcpExt.TW"), 31u);
}

TEST_F(CounterGrowthTest, is_that_of_a_namespace) {
    for (const std::uint32_t netns : {kNetns - 1, kNetns, kNetns + 1})
        read({{"Tcp.InErrs", 5}}, netns);
    read({{"Tcp.InErrs", 6}}, kNetns - 1);
    read({{"Tcp.InErrs", 7}}, kNetns);
    read({{"Tcp.InErrs", 9}}, kNetns + 1);
    EXPECT_EQ(growth.growth(kNetns, "Tcp.InErrs"), 2u);
    EXPECT_EQ(growth.growth(kNetns + 2, "Tcp.InErrs"), 0u);
    EXPECT_EQ(growth.growth(kNetns, "Tcp.OutRsts"), 0u);
    EXPECT_EQ(growth.total("Tcp.InErrs"), 7u);
    EXPECT_EQ(growth.total("Tcp.OutRsts"), 0u);
    EXPECT_EQ(growth.grown(kNetns), (std::map<std::string_view, std::uint64_t>{{"InErrs", 2}}));
    EXPECT_TRUE(growth.grown(kNetns + 2).empty());
}

TEST_F(CounterGrowthTest, has_names_that_are_keys_of_their_own_in_json) {
    EXPECT_EQ(analysis::short_counter_name("TcpExt.ListenOverflows"), "ListenOverflows");
    EXPECT_EQ(analysis::short_counter_name("Tcp.InErrs"), "InErrs");
    EXPECT_EQ(analysis::short_counter_name("TcpExt.TCPAbort7z"), "TCPAbort7z");
    EXPECT_EQ(analysis::short_counter_name("Tcp.AZaz09"), "AZaz09");
    for (const char* other :
         {"",       "Tcp.",        "TcpExt.",     "Tcp",         "Ip.InErrs", "Tcp.inErrs",
          "Tcp.0",  "Tcp.In_Errs", "Tcp.In Errs", "Tcp.In.Errs", "Tcp.@",     "Tcp.[",
          "Tcp.A@", "Tcp.A[",      "Tcp.A`",      "Tcp.A{",      "Tcp.A/",    "Tcp.A:",
          "xTcp.A", "TcpExt.A\"",  "TcpExt.\xff", "TW"})
        EXPECT_EQ(analysis::short_counter_name(other), "") << other;
    read({{"Tcp.in_errs", 1}, {"other", 1}});
    EXPECT_TRUE(growth.counters().empty());
}

TEST_F(CounterGrowthTest, takes_no_more_memory_than_that_for_what_a_recording_names) {
    constexpr std::size_t most = analysis::CounterGrowth::kMostCounters;
    for (std::size_t i = 0; i < most + 2; ++i) read({{"Tcp.A" + std::to_string(i), 1}});
    EXPECT_EQ(growth.counters().size(), most);
    read({{"Tcp.A0", 3}, {"Tcp.B", 3}});
    EXPECT_EQ(growth.growth(kNetns, "Tcp.A0"), 2u) << "known ones go on";
    EXPECT_EQ(growth.counters().size(), most);
}

} // namespace
} // namespace tcpdwell::test

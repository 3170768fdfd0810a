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

struct OnlyListener : testing::Test {
    analysis::CounterAnalysis counters;
    LineFeeder tell{counters};
    ProcessNames people;

    track::ConnectionIdentity& listens(tcp::Port port, std::uint32_t netns = kNetns) {
        auto& who = people.listener("10.0.0.1", port, tcp::Family::ipv4);
        who.netns = netns;
        counters.on_live(live(who, LISTEN, at(0s)), 1);
        return who;
    }
    tcp::Port only(std::uint32_t netns = kNetns) const {
        const auto* found = counters.only_listener(netns);
        return found == nullptr ? tcp::Port{0} : found->local.port;
    }
};

TEST_F(OnlyListener, is_that_of_its_namespace) {
    EXPECT_EQ(only(), 0);
    listens(80);
    listens(80); // SO_REUSEPORT
    listens(81, kNetns + 1);
    EXPECT_EQ(only(), 80);
    EXPECT_EQ(only(kNetns + 1), 81);
    EXPECT_EQ(only(kNetns + 2), 0);
    listens(82);
    EXPECT_EQ(only(), 0) << "there are two";
    listens(80);
    EXPECT_EQ(only(), 0) << "still";
}

TEST_F(OnlyListener, is_no_connection) {
    counters.on_live(live(people.client(40'000), ESTABLISHED, at(0s)), 1);
    EXPECT_EQ(only(), 0);
    listens(80);
    counters.on_live(live(people.server(80), ESTABLISHED, at(0s)), 1);
    counters.on_live(live(people.client(40'001), ESTABLISHED, at(0s)), 1);
    EXPECT_EQ(only(), 80);
}

TEST_F(OnlyListener, is_not_known_where_another_one_has_left_meanwhile) {
    auto& who = listens(80);
    tell.moves(who, 1s, LISTEN, LISTEN);
    tell.born(people.listener("10.0.0.1", 81, tcp::Family::ipv4), 1s, LISTEN);
    tell.moves(people.server(80), 1s, ESTABLISHED, CLOSE);
    EXPECT_EQ(only(), 80);
    tell.moves(people.listener("10.0.0.1", 82, tcp::Family::ipv4), 1s, LISTEN, CLOSE);
    EXPECT_EQ(only(), 0);
    EXPECT_EQ(only(kNetns + 1), 0);
    counters.next_interval(at(10s));
    EXPECT_EQ(only(), 80);
}

} // namespace
} // namespace tcpdwell::test

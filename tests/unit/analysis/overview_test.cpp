// SPDX-License-Identifier: Apache-2.0
// What a report says of itself and of how much it can be trusted.
#include <gtest/gtest.h>

#include "lines.h"
#include "report_access.h"
#include "tracked_report.h"

namespace tcpdwell::test {
namespace {

const std::vector<report::FactLine>& meta(const report::Report& report) {
    return section<report::Facts>(report, "meta").lines;
}

std::string_view text(const report::Value& value) { return std::get<std::string_view>(value); }

event::LostTotals lost(Nanoseconds when, std::uint64_t changes, std::uint64_t timers) {
    return {at(when), {changes, timers, 0, 0, 0, 0}};
}

synth::Setting stage(Nanoseconds start, tcp::Port port, std::uint32_t netns = kNetns) {
    return synth::Setting{
        .netns = netns, .tuple = tuple("10.0.0.1", port, "10.0.0.2", 80), .start = at(start)};
}

TEST(Overview, describes_the_run_and_the_host) {
    analysis::ReportOptions options;
    options.run = {"live", "--port 80", true};
    ASSERT_TRUE(options.thresholds.set("close_wait_leak.age=5m"));
    TrackedReport run(std::move(options));
    run.fact(0, "version", "1.2.3");
    run.fact(0, "kernel", "6.18");
    run.fact(0, "net.ipv4.tcp_fin_timeout", "60");
    run.fact(kNetns, "net.ipv4.tcp_fin_timeout", "5");
    run.pass_time(at(90s));
    const report::Report report = run.report();
    EXPECT_EQ(text(fact(meta(report), "version")), "1.2.3");
    EXPECT_EQ(text(fact(meta(report), "kernel")), "6.18");
    EXPECT_EQ(text(fact(meta(report), "source")), "live");
    EXPECT_EQ(text(fact(meta(report), "filter")), "--port 80");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(meta(report), "host")));
    EXPECT_TRUE(std::get<bool>(fact(meta(report), "interval")));
    EXPECT_EQ(std::get<WallTime>(fact(meta(report), "begin")), synth::kTestClock.to_wall(at(0s)));
    EXPECT_EQ(std::get<WallTime>(fact(meta(report), "end")), synth::kTestClock.to_wall(at(90s)));
    EXPECT_EQ(std::get<Nanoseconds>(fact(meta(report), "duration_ns")), 90s);
    const auto sysctls = std::get<std::span<const report::TextPart>>(fact(meta(report), "sysctls"));
    ASSERT_EQ(sysctls.size(), 1u);
    EXPECT_EQ(sysctls[0].name, "net.ipv4.tcp_fin_timeout");
    EXPECT_EQ(sysctls[0].text, "60");
    const auto thresholds =
        std::get<std::span<const report::NumberPart>>(fact(meta(report), "thresholds"));
    ASSERT_EQ(thresholds.size(), analysis::Thresholds::rows().size());
    for (std::size_t i = 0; i < thresholds.size(); ++i) {
        EXPECT_EQ(thresholds[i].name, analysis::Thresholds::rows()[i].name);
        const double wanted = thresholds[i].name == "close_wait_leak.age"
                                  ? 300
                                  : analysis::Thresholds::rows()[i].preset;
        EXPECT_EQ(std::get<double>(thresholds[i].number), wanted);
    }
}

TEST(Overview, without_a_filter_there_is_none) {
    TrackedReport run;
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(meta(run.report()), "filter")));
}

TEST(Overview, counts_connections_not_listeners) {
    ConnectionMix town;
    town.add(scenario("served"), stage(0s, 1000));
    town.add(scenario("reset_in_established"), stage(0s, 1001, kNetns + 1));
    town.add(scenario("still_established"), stage(0s, 1002, kNetns + 2));
    town.add(scenario("still_waiting"), stage(0s, 1003));
    TrackedReport run;
    run.feed(town.tell().records);
    const report::Report report = run.report();
    EXPECT_EQ(quality(report, "connections"), 4);
    EXPECT_EQ(quality(report, "ended"), 2);
    EXPECT_EQ(quality(report, "open"), 2);
    EXPECT_EQ(quality(report, "time_wait"), 1);
    EXPECT_EQ(quality(report, "whole"), 4);
    EXPECT_EQ(number(fact(meta(report), "netns")), 3);
    EXPECT_EQ(quality(report, "unexpected_edges"), 0);
}

TEST(Overview, shows_what_was_there_before_from_what_has_gaps) {
    TrackedReport run;
    const auto listed = [&](tcp::Port port) {
        return event::SocketListed{at(1s),
                                   kNetns,
                                   0xffff888000000000 + port,
                                   port,
                                   tuple("10.0.0.1", port, "10.0.0.2", 80),
                                   ESTABLISHED,
                                   false,
                                   false,
                                   false,
                                   {},
                                   {},
                                   0,
                                   event::Owner{{}, 1000, 42}};
    };
    run.feed(event::Snapshot{at(1s), kNetns, TD_SNAPSHOT_BEGIN, true}, at(1s));
    run.feed(listed(1), at(1s));
    run.feed(listed(2), at(1s));
    run.feed(event::Snapshot{at(1s), kNetns, TD_SNAPSHOT_END, true}, at(1s));
    const report::Report before = run.interval();
    EXPECT_EQ(quality(before, "connections"), 2);
    EXPECT_EQ(quality(before, "joined"), 2);
    EXPECT_EQ(quality(before, "gap"), 0);
    run.feed(lost(2s, 3, 0), at(2s));
    const report::Report after = run.report();
    EXPECT_EQ(quality(after, "lost"), 3);
    EXPECT_EQ(quality(after, "connections"), 2);
    EXPECT_EQ(quality(after, "joined"), 0);
    EXPECT_EQ(quality(after, "gap"), 2); // who knows what happened to them
    EXPECT_EQ(quality(after, "whole"), 0);
}

TEST(Overview, counts_holes_of_which_nobody_knows_how_much_they_hid) {
    TrackedReport run;
    run.feed(lost(1s, 3, 1), at(1s));
    run.feed(event::Gap{at(2s), at(3s), false}, at(2s));
    const report::Report report = run.report();
    EXPECT_EQ(quality(report, "lost"), 4);
    EXPECT_EQ(quality(report, "holes"), 1);
}

TEST(Overview, counts_what_it_cannot_read) {
    TrackedReport run;
    run.feed(synth::WireRecord{at(1s), std::vector<std::byte>(3)});
    auto unknown = encode(event::ClockReading{synth::kTestClock}, synth::kTestClock);
    unknown[offsetof(td_header, kind)] = std::byte{200};
    run.feed(synth::WireRecord{at(1s), unknown});
    run.feed(synth::WireRecord{at(1s), unknown});
    const report::Report report = run.report();
    EXPECT_EQ(quality(report, "malformed"), 1);
    EXPECT_EQ(quality(report, "unknown_records"), 2);
}

TEST(Overview, intervals_show_their_own_time) {
    ConnectionMix town;
    town.add(scenario("reset_in_established"), stage(0s, 1000));
    town.add(scenario("still_established"), stage(0s, 1001));
    TrackedReport run;
    run.feed(town.tell().records);
    run.feed(lost(1s, 5, 0), at(1s));
    run.pass_time(at(10s));
    const report::Report first = run.interval();
    EXPECT_EQ(quality(first, "ended"), 1);
    EXPECT_EQ(quality(first, "lost"), 5);
    run.pass_time(at(20s));
    const report::Report second = run.interval();
    EXPECT_EQ(std::get<WallTime>(fact(meta(second), "begin")), synth::kTestClock.to_wall(at(10s)));
    EXPECT_EQ(std::get<Nanoseconds>(fact(meta(second), "duration_ns")), 10s);
    EXPECT_EQ(quality(second, "ended"), 0);
    EXPECT_EQ(quality(second, "open"), 1);
    EXPECT_EQ(quality(second, "transitions"), 0);
    EXPECT_EQ(quality(second, "lost"), 0);
}

TEST(Overview, sections_stand_in_the_order_of_the_documentation) {
    TrackedReport run;
    std::vector<std::string_view> ids;
    const report::Report report = run.report();
    for (const report::Section& s : report.sections) ids.push_back(s.id);
    EXPECT_EQ(ids, (std::vector<std::string_view>{
                       "meta", "quality", "findings", "states", "states_by", "latencies",
                       "accept_delays", "transitions", "services", "remotes", "ports",
                       "accept_queues", "endings", "transfers", "timeline"}));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What was traced against the kernel's counters, and the finding on a difference.
#include "analysis/counter_check.h"

#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class CountersDisagree : public RuleTest {
protected:
    void counted(Nanoseconds when, std::uint64_t active, std::uint64_t passive,
                 std::uint64_t resets, std::uint32_t netns = kNetns) {
        more.emplace_back(when, event::KernelCounters{at(when),
                                                      netns,
                                                      {{"Tcp.ActiveOpens", active},
                                                       {"Tcp.PassiveOpens", passive},
                                                       {"Tcp.EstabResets", resets}}});
    }
};

TEST_F(CountersDisagree, never_where_they_agree) {
    counted(1ms, 1000, 50, 7);
    clients(scenario("client_first_fin_with_ack"), 100, 40'000, "10.0.0.5", 1s);
    clients(scenario("no_free_port"), 60, 45'000, "10.0.0.5", 1s); // have sent no SYN
    served(scenario("served"), 40, 50'000, 1s);
    counted(20s, 1100, 90, 7);
    EXPECT_FALSE(found("counters_disagree", kLater));
}

TEST_F(CountersDisagree, from_the_number_on) {
    counted(1ms, 1000, 0, 0);
    clients(scenario("client_first_fin_with_ack"), 100, 40'000, "10.0.0.5", 1s);
    counted(20s, 1119, 0, 0);
    EXPECT_FALSE(found("counters_disagree", kLater));
    more.pop_back();
    counted(20s, 1120, 0, 0);
    const report::Finding* f = found("counters_disagree", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::info);
    EXPECT_EQ(evidence(*f, "ActiveOpens"), 120);
    EXPECT_EQ(evidence(*f, "active_opens"), 100);
    EXPECT_THAT(std::string(f->what), HasSubstr("Tcp.ActiveOpens 120, where 100 were traced."));
}

TEST_F(CountersDisagree, in_either_direction_and_from_the_share_on) {
    threshold("counters_disagree.share=0.5");
    counted(1ms, 0, 0, 0);
    served(scenario("served"), 100, 50'000, 1s);
    counted(20s, 0, 51, 0);
    EXPECT_FALSE(found("counters_disagree", kLater));
    more.pop_back();
    counted(20s, 0, 50, 0);
    EXPECT_TRUE(found("counters_disagree", kLater));
}

TEST_F(CountersDisagree, not_before_there_are_two_readings_nor_on_what_came_outside) {
    clients(scenario("client_first_fin_with_ack"), 100, 40'000, "10.0.0.5");
    counted(20s, 1000, 0, 0);
    EXPECT_FALSE(found("counters_disagree", kLater));
    counted(30s, 1000, 0, 0);
    clients(scenario("client_first_fin_with_ack"), 100, 41'000, "10.0.0.5", 31s);
    EXPECT_FALSE(found("counters_disagree", kLater));
}

TEST_F(CountersDisagree, a_counter_that_goes_back_is_another_namespaces) {
    counted(1ms, 1000, 5, 0);
    counted(2ms, 1000, 4, 0);
    clients(scenario("client_first_fin_with_ack"), 30, 40'000, "10.0.0.5", 1s);
    counted(20s, 1030, 4, 0);
    EXPECT_FALSE(found("counters_disagree", kLater));
}

TEST_F(CountersDisagree, never_with_a_filter) {
    options.run.filter = "port 80";
    counted(1ms, 0, 0, 0);
    counted(20s, 1000, 0, 0);
    EXPECT_FALSE(found("counters_disagree", kLater));
}

TEST_F(CountersDisagree, never_where_something_was_missed) {
    const auto differ = [&](std::vector<event::Event> missed) {
        more.clear();
        counted(1ms, 0, 0, 0);
        for (event::Event& each : missed) more.emplace_back(10s, std::move(each));
        counted(20s, 1000, 0, 0);
        return found("counters_disagree", kLater) != nullptr;
    };
    const event::LostTotals lost{at(10s), {1, 0, 0, 0, 0, 0}};
    const event::Gap hole{at(10s), at(10s), false};
    EXPECT_TRUE(differ({}));
    EXPECT_FALSE(differ({lost}));
    EXPECT_FALSE(differ({hole}));
    EXPECT_FALSE(differ({lost, hole}));
}

TEST_F(CountersDisagree, each_that_differs_is_named) {
    counted(1ms, 0, 0, 0);
    served(scenario("served"), 1, 50'000, 1s);
    counted(20s, 1000, 50, 19);
    EXPECT_EQ(found("counters_disagree", kLater)->what,
              "The kernel counted otherwise in network namespace 4026531840: Tcp.ActiveOpens 1000, "
              "where 0 were traced; Tcp.PassiveOpens 50, where 1 was traced.");
}

TEST_F(CountersDisagree, each_namespace_for_itself) {
    counted(1ms, 0, 0, 0);
    counted(1ms, 0, 0, 0, kNetns + 1);
    clients(scenario("client_first_fin_with_ack"), 100, 40'000, "10.0.0.5", 1s);
    counted(20s, 0, 0, 0);
    counted(20s, 100, 0, 0, kNetns + 1);
    EXPECT_EQ(findings(report(kLater), "counters_disagree").size(), 2u);
}

/// Readings and lines one by one.
class CounterSums : public testing::Test {
protected:
    using Numbers = std::array<std::uint64_t, analysis::CounterCheck::kCounters>;

    void read(Nanoseconds when, const Numbers& values) {
        std::vector<event::KernelCounters::Counter> counters{{"Tcp.InErrs", 99}};
        for (std::size_t i = 0; i < values.size(); ++i)
            counters.push_back({std::string(analysis::CounterCheck::kChecked[i].name), values[i]});
        check_.on_counters({at(when), kNetns, counters});
    }
    void opens(Nanoseconds when) {
        check_.on_transition({at(when), &client_, CLOSE, SYN_SENT, std::nullopt}, 1);
    }
    void finds_no_port(Nanoseconds opened) {
        track::ConnectionLine line{};
        line.who = &client_;
        line.opened = at(opened);
        line.detail = tcp::EndingDetail::no_port;
        check_.on_connection(line, 1);
    }
    /// Of the active opens: counted by the kernel, and traced.
    std::pair<std::uint64_t, std::uint64_t> opened() {
        const auto sums = check_.sums();
        EXPECT_EQ(sums.size(), 1U);
        if (sums.empty()) return {};
        EXPECT_EQ(sums[0].netns, kNetns);
        return {sums[0].counted[0], sums[0].traced[0]};
    }

    ProcessNames names_;
    track::ConnectionIdentity& client_ = names_.client(40'000);
    analysis::CounterCheck check_;
};

TEST_F(CounterSums, are_of_the_time_between_two_readings) {
    opens(1s);
    EXPECT_TRUE(check_.sums().empty());
    read(2s, {10, 0, 0});
    EXPECT_TRUE(check_.sums().empty()) << "one alone says nothing";
    opens(1999ms);
    opens(2s);
    opens(3s);
    read(4s, {13, 0, 0});
    EXPECT_EQ(opened(), std::pair(std::uint64_t{3}, std::uint64_t{2}));
    opens(4s);     // reported late
    opens(4001ms); // not in the reading
    EXPECT_EQ(opened(), std::pair(std::uint64_t{3}, std::uint64_t{3}));
    read(6s, {20, 0, 0});
    EXPECT_EQ(opened(), std::pair(std::uint64_t{10}, std::uint64_t{4}));
}

TEST_F(CounterSums, leave_out_what_found_no_port) {
    read(2s, {10, 0, 0});
    for (const Nanoseconds when : {2s, 3s, 5s}) opens(when);
    read(4s, {11, 0, 0});
    finds_no_port(1s); // from before
    EXPECT_EQ(opened().second, 3U);
    finds_no_port(2s);
    finds_no_port(4s);
    EXPECT_EQ(opened().second, 1U);
    finds_no_port(5s);
    for (int i = 0; i < 3; ++i) finds_no_port(3s);
    EXPECT_EQ(opened().second, 0U);
}

TEST_F(CounterSums, begin_anew_with_an_interval_and_where_a_counter_goes_back) {
    read(2s, {10, 0, 0});
    opens(3s);
    read(4s, {13, 0, 0});
    check_.next_interval(at(4s));
    EXPECT_TRUE(check_.sums().empty());
    opens(5s);
    read(6s, {15, 0, 0});
    EXPECT_EQ(opened(), std::pair(std::uint64_t{2}, std::uint64_t{1}));
    read(7s, {15, 0, 0});
    EXPECT_EQ(opened().first, 2U) << "the same again is no step back";
    read(8s, {14, 0, 0});
    EXPECT_TRUE(check_.sums().empty());
}

TEST_F(CounterSums, need_all_counters) {
    const std::vector<event::KernelCounters::Counter> some{{"Tcp.ActiveOpens", 1}};
    check_.on_counters({at(1s), kNetns, some});
    check_.on_counters({at(2s), kNetns, some});
    EXPECT_TRUE(check_.sums().empty());
}

} // namespace
} // namespace tcpdwell::test

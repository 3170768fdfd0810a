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

} // namespace
} // namespace tcpdwell::test

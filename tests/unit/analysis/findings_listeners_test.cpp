// SPDX-License-Identifier: Apache-2.0
// Findings on listeners.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

constexpr auto kId = "accept_queue_full";

class ListenersTest : public RuleTest {
protected:
    void read(Nanoseconds when, std::uint64_t overflows, std::uint64_t drops,
              std::uint32_t netns = kNetns) {
        more.emplace_back(when, event::KernelCounters{at(when),
                                                      netns,
                                                      {{"TcpExt.ListenOverflows", overflows},
                                                       {"TcpExt.ListenDrops", drops}}});
    }
    void listen(tcp::Port port, std::uint32_t netns = kNetns) {
        listed({.state = LISTEN, .ends = tuple("127.0.0.1", port, "0.0.0.0", 0), .netns = netns});
    }
};

TEST_F(ListenersTest, an_overflow_is_reported_with_its_numbers) {
    read(1s, 1000, 1000);
    read(31s, 1120, 1125);
    const auto* found_here = found(kId, 40s);
    ASSERT_TRUE(found_here);
    EXPECT_EQ(found_here->severity, report::Severity::warning);
    EXPECT_THAT(std::string(found_here->what), HasSubstr("overflowed 120 times in 40.0 s"));
    EXPECT_THAT(std::string(found_here->what),
                HasSubstr("network namespace " + std::to_string(kNetns)));
    EXPECT_EQ(evidence(*found_here, "overflows"), 120);
    EXPECT_EQ(evidence(*found_here, "drops"), 125);
    threshold("accept_queue_full.overflows=120");
    EXPECT_TRUE(found(kId, 40s));
    threshold("accept_queue_full.overflows=121");
    EXPECT_FALSE(found(kId, 40s));
}

TEST_F(ListenersTest, the_kernel_counts_overflows_of_all_whatever_is_sampled) {
    options.run.sample = 1000;
    threshold("accept_queue_full.overflows=120");
    read(1s, 1000, 1000);
    read(31s, 1119, 1119);
    EXPECT_FALSE(found(kId, 40s));
    read(32s, 1120, 1120);
    ASSERT_TRUE(found(kId, 40s));
    EXPECT_EQ(evidence(*found(kId, 40s), "overflows"), 120);
}

TEST_F(ListenersTest, drops_for_other_reasons_are_no_overflow) {
    read(1s, 1000, 1000);
    read(31s, 1000, 2000);
    EXPECT_FALSE(found(kId, 40s));
}

TEST_F(ListenersTest, what_was_counted_before_is_not_reported) {
    read(1s, 1000, 1000);
    EXPECT_FALSE(found(kId, 40s));
}

TEST_F(ListenersTest, many_are_critical) {
    read(1s, 0, 0);
    read(31s, 4000, 4000);
    EXPECT_EQ(found(kId, 40s)->severity, report::Severity::critical);
    EXPECT_EQ(found(kId, 41s)->severity, report::Severity::warning) << "98 per second";
}

TEST_F(ListenersTest, the_only_listener_is_named) {
    listen(8000);
    read(1s, 0, 0);
    read(31s, 1, 1);
    EXPECT_THAT(std::string(found(kId, 40s)->what),
                HasSubstr("The accept queue of a process that is not known on 127.0.0.1:8000 "
                          "overflowed 1 time in"));
    options.run.filter = "--port 8000";
    EXPECT_THAT(std::string(found(kId, 40s)->what), Not(HasSubstr("8000")))
        << "there may be others";
}

TEST_F(ListenersTest, one_of_several_is_not_named) {
    listen(8000);
    listen(8001);
    read(1s, 0, 0);
    read(31s, 1, 1);
    EXPECT_THAT(std::string(found(kId, 40s)->what), Not(HasSubstr("800")));
}

TEST_F(ListenersTest, that_of_another_namespace_is_not_named) {
    for (const std::uint32_t other : {kNetns - 1, kNetns + 1}) {
        more.clear();
        listen(8000, other);
        read(1s, 0, 0);
        read(31s, 1, 1);
        EXPECT_THAT(std::string(found(kId, 40s)->what), Not(HasSubstr("8000")));
    }
}

TEST_F(ListenersTest, each_namespace_has_its_own) {
    for (const std::uint32_t netns : {kNetns, kNetns + 1}) {
        read(1s, 0, 0, netns);
        read(31s, 1, 1, netns);
    }
    EXPECT_EQ(findings(report(40s), kId).size(), 2u);
}

} // namespace
} // namespace tcpdwell::test

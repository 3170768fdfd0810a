// SPDX-License-Identifier: Apache-2.0
// What a report says where one connection in so many was traced: that it is so, estimates, and
// nothing that needs all of them.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class SampleTest : public RuleTest {
protected:
    void sample(std::uint64_t of) {
        options.run.filter = of > 1 ? "--sample " + std::to_string(of) : "";
        options.run.sample = of;
    }
    void counter(std::string name, std::uint64_t growth) {
        for (const auto& [when, count] : {std::pair(1ms, std::uint64_t{3}), {2000ms, 3 + growth}})
            more.emplace_back(when,
                              event::KernelCounters{at(when), kNetns, {{"TcpExt." + name, count}}});
    }
    const std::vector<report::FactLine>& meta() {
        return section<report::Facts>(report(1s), "meta").lines;
    }
};

TEST_F(SampleTest, the_report_says_so) {
    EXPECT_FALSE(has_fact(meta(), "sample"));
    sample(10);
    EXPECT_EQ(number(fact(meta(), "sample")), 10);
}

TEST_F(SampleTest, which_ports_are_in_use_is_not_known) {
    sysctl("net.ipv4.ip_local_port_range", "40000\t40009");
    clients(scenario("still_waiting"), 9);
    ASSERT_TRUE(found("ephemeral_ports_low", 10s));
    sample(10);
    EXPECT_FALSE(found("ephemeral_ports_low", 10s));
}

TEST_F(SampleTest, how_full_the_table_of_time_waits_is_is_an_estimate) {
    sysctl("net.ipv4.tcp_max_tw_buckets", "200");
    clients(scenario("still_waiting"), 18);
    clients(scenario("overflow_after_fin"), 2, 41'000);
    sample(10);
    const report::Finding* f = found("time_wait_table_full", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning); // what overflowed isn't multiplied
    EXPECT_EQ(f->what,
              "Network namespace " + std::to_string(kNetns) + " held 180 of 200 TIME_WAITs.");
    EXPECT_EQ(evidence(*f, "time_wait_peak"), 180);
    counter("ListenOverflows", 5);
    EXPECT_EQ(found("time_wait_table_full", 10s)->severity, report::Severity::warning);
    more.clear();
    counter("TCPTimeWaitOverflow", 25);
    f = found("time_wait_table_full", 10s);
    EXPECT_EQ(f->severity, report::Severity::critical);
    EXPECT_THAT(std::string(f->what), HasSubstr("and went without one for 25 connections"));
    EXPECT_EQ(evidence(*f, "overflows"), 25);
    EXPECT_EQ(evidence(*f, "limit"), 200);
}

TEST_F(SampleTest, a_few_are_no_full_table) {
    sysctl("net.ipv4.tcp_max_tw_buckets", "200");
    clients(scenario("still_waiting"), 9);
    sample(100);
    EXPECT_FALSE(found("time_wait_table_full", 10s));
    clients(scenario("still_waiting"), 1, 41'000);
    EXPECT_TRUE(found("time_wait_table_full", 10s));
}

TEST_F(SampleTest, thresholds_compare_with_estimates_of_ten_at_least) {
    served(scenario("server_first"), 11);
    threshold("server_closes_first.connections=100");
    EXPECT_FALSE(found("server_closes_first", 30s));
    sample(10);
    EXPECT_THAT(std::string(found("server_closes_first", 30s)->what),
                HasSubstr("closed 110 of 110 connections first"));
    threshold("server_closes_first.connections=111");
    EXPECT_FALSE(found("server_closes_first", 30s));
    sample(100);
    EXPECT_TRUE(found("server_closes_first", 30s));
    threshold("server_closes_first.connections=10");
    sample(1000);
    EXPECT_TRUE(found("server_closes_first", 30s));
}

TEST_F(SampleTest, fewer_than_ten_are_a_finding_only_if_as_few_would_be_one_of_all) {
    served(scenario("server_first"), 9);
    threshold("server_closes_first.connections=10");
    sample(1000);
    EXPECT_FALSE(found("server_closes_first", 30s));
    threshold("server_closes_first.connections=9");
    EXPECT_TRUE(found("server_closes_first", 30s));
}

TEST_F(SampleTest, as_many_wait_for_accept_as_the_kernel_has_in_the_queue) {
    event::SocketNumbers numbers;
    numbers.unread = 40;
    listed({.state = LISTEN,
            .ends = tuple("10.0.0.1", 80, "0.0.0.0", 0),
            .opener = process(7, "app"),
            .numbers = numbers,
            .backlog = 128});
    threshold("accept_stalled.connections=30");
    sample(10);
    EXPECT_FALSE(found("accept_stalled", 10s)); // none of those is known, nor how old it is
    for (tcp::Port port = 50'000; port < 50'004; ++port)
        listed({.state = ESTABLISHED,
                .ends = tuple("10.0.0.1", 80, "192.0.2.7", port),
                .held = false});
    EXPECT_THAT(std::string(found("accept_stalled", 10s)->what),
                HasSubstr("40 connections wait for accept() at app (pid 7)"));
    sample(1);
    EXPECT_FALSE(found("accept_stalled", 10s));
}

TEST_F(SampleTest, intervals_are_those_of_all) {
    for (int i = 0; i < 40; ++i)
        served(scenario("handshake_reset"), 1, static_cast<tcp::Port>(50'000 + i), i * 100ms);
    const report::Finding* all = found("half_open_checks", kLater);
    ASSERT_TRUE(all);
    const auto every = std::get<Nanoseconds>(fact(all->evidence, "interval_ns"));
    EXPECT_EQ(every, 100ms);
    sample(4);
    const report::Finding* some = found("half_open_checks", kLater);
    ASSERT_TRUE(some);
    EXPECT_EQ(std::get<Nanoseconds>(fact(some->evidence, "interval_ns")), every / 4);
    sample(10);
    EXPECT_FALSE(found("half_open_checks", kLater)); // one each 10 ms: a flood
}

} // namespace
} // namespace tcpdwell::test

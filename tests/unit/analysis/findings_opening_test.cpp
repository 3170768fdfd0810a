// SPDX-License-Identifier: Apache-2.0
// The finding about connects that find no port.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class EphemeralPortsLow : public RuleTest {
protected:
    EphemeralPortsLow() { sysctl("net.ipv4.ip_local_port_range", "40000\t40099"); }
    /// The advice for eighty ports held towards `remote`.
    std::string reuse_advice(const std::string& reuse, const std::string& timestamps,
                             const std::string& delay, std::string_view local,
                             std::string_view remote, tcp::Family family) {
        facts.clear();
        sysctl("net.ipv4.ip_local_port_range", "40000 40099");
        if (!reuse.empty()) sysctl("net.ipv4.tcp_tw_reuse", reuse);
        if (!timestamps.empty()) sysctl("net.ipv4.tcp_timestamps", timestamps);
        if (!delay.empty()) sysctl("net.ipv4.tcp_tw_reuse_delay", delay);
        town = ConnectionMix();
        tcp::FourTuple ends = tuple(local, 40'000, remote, 5432);
        ends.family = family;
        town.add(scenario("still_waiting"), here(ends), 80, Vary::local_port);
        const report::Finding* f = found("ephemeral_ports_low", 10s);
        if (!f) return "no finding";
        EXPECT_GE(f->advice.size(), 2u);
        return std::string(f->advice[1]);
    }
    std::string remote_advice(const std::string& reuse, const std::string& timestamps,
                              const std::string& delay = "") {
        return reuse_advice(reuse, timestamps, delay, "10.0.0.1", "10.0.0.5", tcp::Family::ipv4);
    }
    std::string loopback_advice(const std::string& reuse, const std::string& timestamps) {
        return reuse_advice(reuse, timestamps, "", "127.0.0.1", "127.0.0.1", tcp::Family::ipv4);
    }
};

TEST_F(EphemeralPortsLow, from_the_share_of_the_range_on) {
    clients(scenario("still_waiting"), 79);
    EXPECT_FALSE(found("ephemeral_ports_low", 10s));
    clients(scenario("still_waiting"), 1, 45'000);
    const report::Finding* f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "local")), "10.0.0.1");
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "remote")), "10.0.0.5:5432");
    EXPECT_EQ(evidence(*f, "held"), 80);
    EXPECT_EQ(evidence(*f, "peak"), 80);
    EXPECT_EQ(evidence(*f, "limit"), 100);
    EXPECT_DOUBLE_EQ(std::get<double>(fact(f->evidence, "opened_per_second")), 8.0);
    EXPECT_DOUBLE_EQ(std::get<double>(fact(f->evidence, "growth_per_second")), 8.0);
    EXPECT_DOUBLE_EQ(std::get<double>(fact(f->evidence, "seconds_left")), 2.5);
    EXPECT_EQ(evidence(*f, "no_port"), 0);
}

TEST_F(EphemeralPortsLow, what_is_held_is_said_in_a_sentence) {
    clients(scenario("still_waiting"), 80);
    const report::Finding* f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "80 of 100 local ports from 10.0.0.1 to 10.0.0.5:5432 were held by app, now "
                       "80 of them in TIME_WAIT.");
    EXPECT_EQ(f->subject, "10.0.0.1 to 10.0.0.5:5432");
    clients(scenario("no_free_port"), 1, 45'000);
    EXPECT_EQ(found("ephemeral_ports_low", 10s)->what,
              "80 of 100 local ports from 10.0.0.1 to 10.0.0.5:5432 were held by app, now 80 of "
              "them in TIME_WAIT; 1 connect of app (pid 1000) found no free port.");
    EXPECT_TRUE(has_fact(found("ephemeral_ports_low", 10s)->evidence, "process"));
}

TEST_F(EphemeralPortsLow, what_has_gone_is_not_described_by_what_is_left) {
    clients(scenario("still_waiting"), 30, 40'000);
    clients(scenario("client_first_fin_with_ack"), 70, 41'000);
    const report::Finding* f = found("ephemeral_ports_low", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("were held by app."));
}

/// Whoever comes when the ports are gone already is to see it. The roles of what was there before
/// aren't known.
TEST_F(EphemeralPortsLow, also_where_they_were_held_before_tracing) {
    const auto hold = [&](tcp::Port first, int count, tcp::State state,
                          const std::optional<event::Process>& opener = {}) {
        for (int i = 0; i < count; ++i)
            listed({.state = state,
                    .ends = tuple("10.0.0.1", static_cast<tcp::Port>(first + i), "10.0.0.5", 5432),
                    .opener = opener});
    };
    hold(40'000, 79, TIME_WAIT);
    EXPECT_FALSE(found("ephemeral_ports_low", 10s));
    hold(40'079, 1, ESTABLISHED, process(7, "app"));
    const report::Finding* f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "80 of 100 local ports from 10.0.0.1 to 10.0.0.5:5432 were held, now 1 by "
                       "app, 79 by others, 79 of them in TIME_WAIT.");
    EXPECT_EQ(evidence(*f, "held"), 80);
    EXPECT_EQ(std::get<double>(fact(f->evidence, "opened_per_second")), 0.0);
    EXPECT_EQ(std::get<double>(fact(f->evidence, "growth_per_second")), 0.0);
    more.clear();
    hold(40'000, 80, ESTABLISHED, process(7, "app"));
    EXPECT_THAT(std::string(found("ephemeral_ports_low", 10s)->what),
                HasSubstr("were held by app"));
    more.clear(); // a server's, whose listener has gone
    for (int i = 0; i < 100; ++i)
        listed({.state = TIME_WAIT,
                .ends = tuple("10.0.0.1", 5432, "10.0.0.5", static_cast<tcp::Port>(40'000 + i))});
    EXPECT_FALSE(found("ephemeral_ports_low", 10s));
}

TEST_F(EphemeralPortsLow, what_is_used_up_has_no_time_left) {
    clients(scenario("still_connecting"), 100);
    const report::Finding* f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(std::get<double>(fact(f->evidence, "seconds_left")), 0.0);
    clients(scenario("still_connecting"), 1, 45'000); // it will find none
    f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "peak"), 100);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "seconds_left")));
}

TEST_F(EphemeralPortsLow, a_report_on_no_time_has_no_pace) {
    clients(scenario("still_waiting"), 80);
    report(10s);
    run->interval();
    last = run->interval();
    const report::Finding* f = finding(last, "ephemeral_ports_low");
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "held"), 80);
    EXPECT_EQ(std::get<double>(fact(f->evidence, "opened_per_second")), 0.0);
    EXPECT_EQ(std::get<double>(fact(f->evidence, "growth_per_second")), 0.0);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "seconds_left")));
}

TEST_F(EphemeralPortsLow, the_pace_is_that_of_the_report_s_time) {
    clients(scenario("still_waiting"), 80);
    clients(scenario("still_waiting"), 10, 45'000, "10.0.0.5", 15s);
    report(10s);
    run->interval();
    for (const synth::WireRecord& record : town.tell().records)
        if (record.at >= at(10s)) run->feed(record);
    run->pass_time(at(20s));
    last = run->interval();
    const report::Finding* f = finding(last, "ephemeral_ports_low");
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "held"), 90);
    EXPECT_NEAR(std::get<double>(fact(f->evidence, "growth_per_second")), 1.0, 1e-6);
    EXPECT_NEAR(std::get<double>(fact(f->evidence, "seconds_left")), 10.0, 1e-6);
}

TEST_F(EphemeralPortsLow, the_limit_is_for_each_remote_endpoint) {
    clients(scenario("still_waiting"), 60, 40'000, "10.0.0.5");
    clients(scenario("still_waiting"), 60, 40'000, "10.0.0.6");
    EXPECT_FALSE(found("ephemeral_ports_low", 10s));
}

TEST_F(EphemeralPortsLow, connects_that_wait_for_an_answer_hold_their_ports) {
    clients(scenario("still_connecting"), 80);
    EXPECT_TRUE(found("ephemeral_ports_low", 10s));
}

/// connect() passes over what bind() holds, whatever it is connected to.
TEST_F(EphemeralPortsLow, ports_that_bind_holds_count_towards_every_endpoint) {
    threshold("ephemeral_ports_low.share=0.4");
    clients(scenario("bound_port"), 30, 40'000, "10.0.0.6");
    clients(scenario("still_waiting"), 9, 41'000);
    EXPECT_FALSE(found("ephemeral_ports_low", 10s));
    clients(scenario("still_waiting"), 1, 42'000);
    const report::Finding* f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "peak"), 40);
    EXPECT_EQ(evidence(*f, "bound"), 30);
    EXPECT_EQ(evidence(*f, "held"), 10);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("to 10.0.0.5:5432 were held, 30 of them by bind()"));
}

TEST_F(EphemeralPortsLow, what_bind_holds_alone_is_one_finding_with_all_that_found_no_port) {
    threshold("ephemeral_ports_low.share=0.4");
    clients(scenario("bound_port"), 40, 40'000, "10.0.0.6");
    clients(scenario("still_waiting"), 9, 41'000);
    clients(scenario("no_free_port"), 3, 45'000, "10.0.0.7");
    clients(scenario("no_free_port"), 4, 46'000, "10.0.0.8");
    const std::vector<const report::Finding*> all = findings(report(10s), "ephemeral_ports_low");
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(evidence(*all[0], "peak"), 40);
    EXPECT_EQ(evidence(*all[0], "no_port"), 7);
    EXPECT_EQ(all[0]->severity, report::Severity::critical);
    EXPECT_THAT(std::string(all[0]->what),
                HasSubstr("to all endpoints were held by app, by bind()"));
}

TEST_F(EphemeralPortsLow, nineteen_of_twenty_are_critical) {
    clients(scenario("still_waiting"), 94);
    EXPECT_EQ(found("ephemeral_ports_low", 10s)->severity, report::Severity::warning);
    clients(scenario("still_waiting"), 1, 45'000);
    EXPECT_EQ(found("ephemeral_ports_low", 10s)->severity, report::Severity::critical);
}

TEST_F(EphemeralPortsLow, where_nothing_grows_nothing_runs_out) {
    clients(scenario("client_first_fin_with_ack"), 80);
    const report::Finding* f = found("ephemeral_ports_low", 600s);
    ASSERT_TRUE(f); // the peak was that high
    EXPECT_EQ(evidence(*f, "held"), 0);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "seconds_left")));
}

TEST_F(EphemeralPortsLow, without_a_known_range_nothing_is_low) {
    facts.clear();
    clients(scenario("still_waiting"), 500);
    EXPECT_FALSE(found("ephemeral_ports_low", 10s));
}

TEST_F(EphemeralPortsLow, a_connect_without_a_port_is_critical_whatever_is_held) {
    facts.clear();
    clients(scenario("no_free_port"), 1);
    const report::Finding* f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::critical);
    EXPECT_EQ(evidence(*f, "no_port"), 1);
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "remote")), "10.0.0.5:5432");
    EXPECT_THAT(std::string(f->what),
                HasSubstr("1 connect of app (pid 1000) found no free local port"));
}

TEST_F(EphemeralPortsLow, connects_without_a_port_are_reported_with_the_ports_that_are_held) {
    clients(scenario("still_waiting"), 85);
    clients(scenario("no_free_port"), 4, 45'000);
    const report::Finding* f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f); // and only one
    EXPECT_EQ(f->severity, report::Severity::critical);
    EXPECT_EQ(evidence(*f, "no_port"), 4);
    EXPECT_EQ(evidence(*f, "peak"), 85);
}

TEST_F(EphemeralPortsLow, connects_without_a_port_are_reported_once) {
    for (const char* local : {"10.0.0.1", "10.0.0.2"})
        town.add(scenario("still_waiting"), here(tuple(local, 40'000, "10.0.0.5", 5432)), 85,
                 Vary::local_port);
    clients(scenario("no_free_port"), 4, 45'000, "10.0.0.5");
    clients(scenario("no_free_port"), 3, 46'000, "10.0.0.6");
    std::vector<std::int64_t> reported;
    for (const report::Finding* f : findings(report(10s), "ephemeral_ports_low"))
        reported.push_back(evidence(*f, "no_port"));
    EXPECT_THAT(reported, testing::UnorderedElementsAre(4, 0, 3));
}

TEST_F(EphemeralPortsLow, advice_is_right_for_tcp_tw_reuse) {
    EXPECT_THAT(remote_advice("0", "1"),
                HasSubstr("tcp_tw_reuse (0 here): 1 lets connect() take over"));
    EXPECT_THAT(remote_advice("1", "1"),
                HasSubstr("tcp_tw_reuse (1 here) already lets connect() take over"));
    EXPECT_THAT(remote_advice("1", "1"),
                HasSubstr("TIME_WAIT alone does not exhaust the ports here"));
    EXPECT_THAT(remote_advice("2", "1"),
                HasSubstr("tcp_tw_reuse (2 here) means loopback only; 1 lets connect()"));
    EXPECT_THAT(remote_advice("", ""), HasSubstr("tcp_tw_reuse (not known here): 1 lets"));
    EXPECT_THAT(loopback_advice("0", "1"), HasSubstr("(0 here): 1 lets connect() take over"));
    EXPECT_THAT(loopback_advice("1", "1"), HasSubstr("(1 here) already lets"));
    EXPECT_THAT(loopback_advice("2", "1"), HasSubstr("(2 here) already lets"));
}

TEST_F(EphemeralPortsLow, loopback_in_ipv6_and_what_only_looks_like_it) {
    const auto to = [&](std::string_view address, tcp::Family family = tcp::Family::ipv6) {
        return reuse_advice("2", "1", "", address, address, family);
    };
    EXPECT_THAT(to("::1"), HasSubstr("already lets"));
    EXPECT_THAT(to("127.8.9.1", tcp::Family::ipv6), HasSubstr("already lets")); // v4-mapped
    EXPECT_THAT(to("fd00::7f00:1"), HasSubstr("means loopback only"));
    EXPECT_THAT(to("fd00::1"), HasSubstr("means loopback only"));
}

TEST_F(EphemeralPortsLow, advice_is_right_for_timestamps) {
    for (const char* reuse : {"0", "1", "2"}) {
        EXPECT_THAT(remote_advice(reuse, "0"),
                    HasSubstr("needs net.ipv4.tcp_timestamps=1 (0 here)"))
            << reuse;
        EXPECT_THAT(remote_advice(reuse, "0"), Not(HasSubstr("does not exhaust"))) << reuse;
        EXPECT_THAT(remote_advice(reuse, "1"), Not(HasSubstr("tcp_timestamps"))) << reuse;
    }
    EXPECT_THAT(loopback_advice("2", "0"), Not(HasSubstr("does not exhaust")));
}

TEST_F(EphemeralPortsLow, advice_is_right_for_the_delay_where_the_kernel_has_one) {
    EXPECT_THAT(remote_advice("2", "1", "250"),
                HasSubstr("lasted for 250 ms (net.ipv4.tcp_tw_reuse_delay)"));
    EXPECT_THAT(remote_advice("2", "1"), HasSubstr("lasted for 1 s,"));
    EXPECT_THAT(remote_advice("2", "1"), Not(HasSubstr("tcp_tw_reuse_delay")));
}

/// bind() comes before connect(), and looks for a port that nothing has.
TEST_F(EphemeralPortsLow, tcp_tw_reuse_is_no_help_to_bind) {
    sysctl("net.ipv4.tcp_tw_reuse", "1");
    sysctl("net.ipv4.tcp_timestamps", "1");
    clients(scenario("bound_port"), 80);
    const report::Finding* f = found("ephemeral_ports_low", 10s);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("by bind() before connect()"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("TIME_WAIT alone does not exhaust")));
    EXPECT_THAT(advice(*f), HasSubstr("net.ipv4.tcp_tw_reuse (1 here) doesn't help: bind()"));
    EXPECT_THAT(std::string(f->advice.front()), HasSubstr("IP_BIND_ADDRESS_NO_PORT"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("the limit is for each pair")));
}

TEST_F(EphemeralPortsLow, bind_is_no_matter_where_nothing_is_bound) {
    clients(scenario("still_waiting"), 80);
    EXPECT_THAT(advice(*found("ephemeral_ports_low", 10s)), Not(HasSubstr("NO_PORT")));
    EXPECT_THAT(advice(*found("ephemeral_ports_low", 10s)), HasSubstr("is for each pair"));
    clients(scenario("bound_port"), 1, 45'000, "10.0.0.6");
    EXPECT_THAT(std::string(found("ephemeral_ports_low", 10s)->advice.back()),
                HasSubstr("IP_BIND_ADDRESS_NO_PORT"));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Findings about sockets that stay too long where they are, and what ended them.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class CloseWaitLeak : public RuleTest {};

TEST_F(CloseWaitLeak, from_the_age_on) {
    clients(kLeaks, 1); // in CLOSE_WAIT from 80.35 ms on
    EXPECT_FALSE(found("close_wait_leak", 60s));
    EXPECT_TRUE(found("close_wait_leak", 61s));
}

TEST_F(CloseWaitLeak, from_the_number_on) {
    threshold("close_wait_leak.sockets=5");
    threshold("close_wait_leak.age=2s");
    clients(kLeaks, 4);
    town.add(kLeaks, here(tuple("10.0.0.1", 44'000, "10.0.0.6", 80), 50s, 2000), 4,
             Vary::local_port); // of the same program, but not old
    EXPECT_FALSE(found("close_wait_leak", 10s));
    clients(kLeaks, 1, 45'000);
    const report::Finding* f = found("close_wait_leak", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "sockets"), 5);
    EXPECT_EQ(evidence(*f, "pid"), 1000);
}

TEST_F(CloseWaitLeak, young_ones_are_reported_but_not_counted) {
    clients(kLeaks, 2);
    clients(kLeaks, 3, 45'000, "10.0.0.5", 50s);
    const report::Finding* f = found("close_wait_leak", 100s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "sockets"), 2);
    EXPECT_EQ(evidence(*f, "in_state"), 5);
    EXPECT_EQ(f->connections.size(), 2u);
}

TEST_F(CloseWaitLeak, evidence_and_advice) {
    clients(kLeaks, 1);
    const report::Finding* f = found("close_wait_leak", 200s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "oldest_ns")), 200s - 80'350us);
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "oldest_local")), "10.0.0.1:40000");
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "oldest_remote")), "10.0.0.5:5432");
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "comm")), "app");
    EXPECT_THAT(std::string(f->what),
                HasSubstr("app (pid 1000) accepted or connected 1 socket that has been"));
    EXPECT_THAT(advice(*f), HasSubstr("/proc/1000/fd"));
}

TEST_F(CloseWaitLeak, a_thousand_are_critical) {
    threshold("close_wait_leak.age=1s");
    clients(kLeaks, 999, 10'000);
    EXPECT_EQ(found("close_wait_leak", 30s)->severity, report::Severity::warning);
    clients(kLeaks, 1, 45'000);
    EXPECT_EQ(found("close_wait_leak", 30s)->severity, report::Severity::critical);
}

class FinWait2Pileup : public RuleTest {};

TEST_F(FinWait2Pileup, from_the_number_that_is_there_on) {
    clients(scenario("half_closed_still"), 99, 10'000);
    EXPECT_FALSE(found("fin_wait2_pileup", 10s));
    clients(scenario("half_closed_still"), 1, 45'000);
    const report::Finding* f = found("fin_wait2_pileup", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "sockets"), 100);
    EXPECT_EQ(evidence(*f, "expired"), 0);
}

TEST_F(FinWait2Pileup, or_from_the_number_that_expired_on) {
    clients(scenario("fin_never_comes"), 99, 10'000);
    EXPECT_FALSE(found("fin_wait2_pileup", kLater));
    clients(scenario("fin_never_comes"), 1, 45'000);
    sysctl("net.ipv4.tcp_fin_timeout", "60");
    const report::Finding* f = found("fin_wait2_pileup", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "sockets"), 0);
    EXPECT_EQ(evidence(*f, "expired"), 100);
    EXPECT_THAT(advice(*f), HasSubstr("net.ipv4.tcp_fin_timeout (60 here)"));
}

TEST_F(FinWait2Pileup, a_program_is_all_of_its_processes) {
    threshold("fin_wait2_pileup.sockets=4");
    clients(scenario("half_closed_still"), 2, 40'000);
    town.add(scenario("half_closed_still"),
             here(tuple("10.0.0.1", 41'000, "10.0.0.6", 80), 1s, 2000), 2, Vary::local_port);
    sysctl("net.ipv4.tcp_fin_timeout", "60");
    const report::Finding* f = found("fin_wait2_pileup", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "app has 4 connections in FIN_WAIT2 now, and 0 expired there: it has "
                       "closed, and the peers don't.");
    EXPECT_EQ(f->subject, "app");
    EXPECT_EQ(f->connections.size(), 4u);
    EXPECT_GT(std::get<Nanoseconds>(fact(f->evidence, "oldest_ns")), 9s);
    EXPECT_EQ(evidence(*f, "netns"), kNetns);
}

/// Neither is many for itself.
TEST_F(FinWait2Pileup, the_two_are_not_added) {
    clients(scenario("fin_never_comes"), 60, 10'000);
    clients(scenario("half_closed_still"), 60, 20'000, "10.0.0.5", 61s);
    EXPECT_FALSE(found("fin_wait2_pileup", 65s));
}

TEST_F(FinWait2Pileup, those_that_are_not_old_are_there_too) {
    clients(scenario("fin_never_comes"), 100, 10'000);
    clients(scenario("half_closed_still"), 60, 20'000, "10.0.0.5", 61s);
    const report::Finding* f = found("fin_wait2_pileup", 65s);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("app has 60 connections in FIN_WAIT2 now (0 of them for longer than 5.0 "
                          "s), and 100 expired there: it has closed"));
    EXPECT_EQ(evidence(*f, "sockets"), 0);
    EXPECT_EQ(evidence(*f, "in_state"), 60);
}

class ClosingStuck : public RuleTest {};

TEST_F(ClosingStuck, from_the_age_on_in_either_state) {
    clients(kLastAckStays, 1); // from 90.35 ms on
    clients(kClosingStays, 2, 45'000);
    EXPECT_TRUE(findings(report(30s), "closing_stuck").empty());
    const auto both = findings(report(31s), "closing_stuck");
    ASSERT_EQ(both.size(), 2u);
    EXPECT_EQ(std::get<std::string_view>(fact(both[0]->evidence, "state")), "LAST_ACK");
    EXPECT_EQ(evidence(*both[0], "sockets"), 1);
    EXPECT_EQ(std::get<std::string_view>(fact(both[1]->evidence, "state")), "CLOSING");
    EXPECT_EQ(evidence(*both[1], "sockets"), 2);
    EXPECT_EQ(both[1]->connections.size(), 2u);
}

TEST_F(ClosingStuck, for_a_reason_that_isn_t_known_before_a_look) {
    listed({.state = FIN_WAIT1, .ends = tuple("10.0.0.1", 40'000, "10.0.0.5", 5432)});
    const report::Finding* f = found("closing_stuck", 2min);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr(": the FIN isn't acknowledged, or waits behind data "
                          "that the peer doesn't read (it isn't known which"));
    EXPECT_THAT(advice(*f), HasSubstr("ss -tnoi"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("The peer has gone")));
}

TEST_F(ClosingStuck, from_the_number_on) {
    threshold("closing_stuck.sockets=3");
    clients(kLastAckStays, 2);
    EXPECT_FALSE(found("closing_stuck", 60s));
    clients(kLastAckStays, 1, 45'000);
    EXPECT_TRUE(found("closing_stuck", 60s));
}

TEST_F(ClosingStuck, what_has_ended_is_not_stuck) {
    clients(scenario("remote_first_in_backlog"), 5);
    clients(scenario("orphan_times_out_in_last_ack"), 5, 45'000);
    EXPECT_FALSE(found("closing_stuck", kLater));
}

/// Sockets that were there before tracing began, with what is known of their peers.
class WhyStuck : public RuleTest {
protected:
    void stuck(const event::SocketNumbers& numbers) {
        const auto port = static_cast<tcp::Port>(40'000 + more.size());
        listed({.state = FIN_WAIT1,
                .ends = tuple("10.0.0.1", port, "10.0.0.5", 80),
                .numbers = numbers});
    }
    std::string why() {
        const report::Finding* f = found("closing_stuck", 60s);
        return f ? std::string(f->what) : "nothing is stuck";
    }
};

TEST_F(WhyStuck, a_window_of_0_is_a_peer_that_lives) {
    event::SocketNumbers numbers;
    numbers.unsent = 701; // with the FIN
    numbers.peer_window = 0;
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("700 bytes can't be sent to a peer with a receive window of 0: it "
                                 "is alive, but it doesn't read"));
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("1400 bytes can't be sent to peers with a receive window of 0: "
                                 "they are alive, but they don't read"));
}

TEST_F(WhyStuck, a_window_is_none_of_0_where_nothing_is_to_be_sent) {
    event::SocketNumbers numbers;
    numbers.unsent = 0;
    numbers.peer_window = 0;
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("the peer doesn't acknowledge the FIN"));
}

TEST_F(WhyStuck, a_fin_that_was_not_sent_is_not_acknowledged) {
    event::SocketNumbers numbers;
    numbers.unsent = 701;
    numbers.peer_window = 5000;
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("700 bytes that the FIN has to follow aren't sent."));
}

TEST_F(WhyStuck, a_peer_that_acknowledges_nothing) {
    event::SocketNumbers numbers;
    numbers.unsent = 0;
    numbers.timeouts = 1;
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("acknowledges nothing: up to 1 retransmission in a row."));
    numbers.timeouts = 5;
    numbers.since_received_ms = 2000;
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("up to 5 retransmissions in a row, no segment from it for 2.0 s"));
}

TEST_F(WhyStuck, a_window_of_0_is_no_reason_of_others) {
    event::SocketNumbers numbers;
    numbers.unsent = 701;
    numbers.peer_window = 0;
    stuck(numbers);
    numbers.unsent = 301;
    numbers.peer_window = 5000;
    numbers.timeouts = 7;
    stuck(numbers);
    EXPECT_THAT(why(),
                HasSubstr("2 sockets of a process that is not known are stuck in FIN_WAIT1"));
    EXPECT_THAT(why(),
                HasSubstr(": of 1 of them 700 bytes can't be sent to a peer with a receive window "
                          "of 0: it is alive, but it doesn't read; of the others the peer "
                          "acknowledges nothing: up to 7 retransmissions in a row."));
    EXPECT_THAT(advice(*finding(last, "closing_stuck")), HasSubstr("The cure is at the peer"));
    EXPECT_THAT(advice(*finding(last, "closing_stuck")), HasSubstr("The peer has gone"));
}

TEST_F(WhyStuck, a_peer_that_answers_no_probe_of_its_window_does_not_live) {
    event::SocketNumbers numbers;
    numbers.unsent = 701;
    numbers.peer_window = 0;
    numbers.probes = 4;
    numbers.since_received_ms = 40'000;
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("the peer answers nothing: up to 4 probes in a row, no segment "
                                 "from it for 40.0 s."));
}

TEST_F(WhyStuck, what_was_only_shut_down_has_a_process) {
    event::SocketNumbers numbers;
    numbers.unsent = 701;
    numbers.peer_window = 0;
    numbers.flags = TD_NUMBERS_HAS_SOCKET;
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("it is alive, but it doesn't read"));
    const auto advised = [&] { return advice(*finding(last, "closing_stuck")); };
    EXPECT_THAT(advised(), HasSubstr("shutdown() was called, and close() wasn't: a process still "
                                     "has the socket, and can end it."));
    EXPECT_THAT(advised(), Not(HasSubstr("close() gave the socket to the kernel")));
    EXPECT_THAT(advised(), Not(HasSubstr("tcp_orphan_retries")));
    numbers.flags = 0;
    stuck(numbers);
    EXPECT_THAT(why(), HasSubstr("they are alive"));
    EXPECT_THAT(advised(), HasSubstr("Of 1 of them shutdown() was called, and close() wasn't: a "
                                     "process still has the socket, and can end it."));
    EXPECT_THAT(advised(), HasSubstr("close() gave the socket to the kernel"));
    EXPECT_THAT(advised(), HasSubstr("tcp_orphan_retries"));
}

class Order : public RuleTest {};

TEST_F(Order, the_most_severe_first) {
    clients(scenario("overflow_after_fin"), 1);
    clients(kLeaks, 1, 45'000);
    clients(scenario("keepalive_times_out"), 1, 46'000);
    std::vector<std::string_view> ids;
    for (const report::Finding& f : section<report::Findings>(report(200s), "findings").list)
        ids.push_back(f.id);
    EXPECT_EQ(ids, (std::vector<std::string_view>{"time_wait_table_full", "close_wait_leak",
                                                  "peers_gone"}));
}

TEST_F(Order, nothing_wrong_no_finding) {
    sysctl("net.ipv4.ip_local_port_range", "32768 60999");
    sysctl("net.ipv4.tcp_max_tw_buckets", "65536");
    served(scenario("served"), 200);
    clients(scenario("client_first_fin_with_ack"), 200);
    EXPECT_TRUE(section<report::Findings>(report(30s), "findings").list.empty());
    EXPECT_TRUE(section<report::Findings>(report(kLater), "findings").list.empty());
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// The finding on peers that have gone without a word.
#include "cause_findings.h"
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

constexpr auto kPeersGone = "peers_gone";

class PeersGone : public RuleTest {
protected:
    std::string remote() {
        const report::Finding* f = found(kPeersGone, kLater);
        return f ? std::string(std::get<std::string_view>(fact(f->evidence, "remote"))) : "none";
    }
    /// A connection to port 80 whose data is not acknowledged.
    void unanswered(tcp::Port port, std::uint32_t silent_ms, std::uint32_t unacked,
                    std::uint8_t timeouts, std::string_view remote = "10.0.0.9",
                    std::uint32_t pid = 1000) {
        event::SocketNumbers numbers;
        numbers.since_received_ms = silent_ms;
        numbers.unacked = unacked;
        numbers.timeouts = timeouts;
        listed({.state = ESTABLISHED,
                .ends = tuple("10.0.0.1", port, remote, 80),
                .opener = process(pid, "app"),
                .numbers = numbers});
    }
};

TEST_F(PeersGone, one_that_timed_out_is_enough_however_it_did) {
    threshold("peers_gone.connections=3");
    clients(scenario("keepalive_times_out"), 2);
    EXPECT_FALSE(found(kPeersGone, kLater));
    clients(scenario("user_timeout"), 9, 42'000);
    clients(scenario("retransmission_times_out"), 4, 43'000);
    clients(scenario("client_first_fin_with_ack"), 4, 46'000);
    const report::Finding* f = found(kPeersGone, kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "ended"), 15);
    EXPECT_EQ(evidence(*f, "keepalive"), 2);
    EXPECT_EQ(evidence(*f, "user_timeout"), 9);
    EXPECT_EQ(evidence(*f, "retransmission"), 4);
    EXPECT_EQ(evidence(*f, "waiting"), 0);
    EXPECT_EQ(f->what,
              "15 connections of app (pid 1000) to 10.0.0.5:5432 timed out without an answer from "
              "the peer (retransmission 4, user_timeout 9, keepalive 2), for instance "
              "10.0.0.5:5432: the peer has gone, or the path to it is cut.");
}

TEST_F(PeersGone, advice_has_the_sysctls) {
    clients(scenario("retransmission_times_out"), 1, 45'000);
    sysctl("net.ipv4.tcp_keepalive_time", "7200");
    const report::Finding* f = found(kPeersGone, kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("1 connection of app"));
    EXPECT_THAT(advice(*f), HasSubstr("net.ipv4.tcp_keepalive_time (7200 here)"));
}

TEST_F(PeersGone, of_a_client_the_service_is_named) {
    clients(scenario("keepalive_times_out"), 1);
    EXPECT_EQ(remote(), "10.0.0.5:5432");
}

class PeersGoneOf : public CauseFindings {};

TEST_F(PeersGoneOf, a_server_are_named_by_their_host) {
    end(served_end(ClosedFirst::none, Ending::timed_out, EndingDetail::keepalive).carried(5, 5));
    const report::Finding* f = found(kPeersGone);
    ASSERT_TRUE(f);
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "remote")), "10.0.0.2");
    EXPECT_EQ(f->what, "1 connection of app (pid 100) on 10.0.0.1:80 timed out without an answer "
                       "from the peer (keepalive 1), for instance 10.0.0.2: the peer has gone, or "
                       "the path to it is cut.");
}

/// TCP_USER_TIMEOUT ends also what waits for a window of 0, however often the peer answers.
TEST_F(PeersGoneOf, who_answers_with_a_window_of_0_is_alive) {
    auto blocked = served_end(ClosedFirst::none, Ending::timed_out, EndingDetail::user_timeout)
                       .carried(1000, 5)
                       .idle(3000, 20);
    blocked.numbers.unsent = 700;
    blocked.numbers.peer_window = 0;
    blocked.numbers.receiver_limited_ms = 3200;
    end(blocked, 5);
    const report::Finding* f = found(kPeersGone);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what,
              "5 connections of app (pid 100) on 10.0.0.1:80 were ended by the time-out that the "
              "program has set (TCP_USER_TIMEOUT): the peers were alive and answered, but with a "
              "receive window of 0, one of them for 3.2 s, so that 3500 bytes stayed unsent: they "
              "don't read.");
    EXPECT_EQ(evidence(*f, "ended"), 5);
    EXPECT_EQ(evidence(*f, "zero_window"), 5);
    EXPECT_EQ(evidence(*f, "unsent"), 3500);
    EXPECT_THAT(advice(*f), Not(HasSubstr("keepalive")));
    begin_anew();
    blocked.numbers.probes = 3; // this one answers no more
    end(blocked);
    EXPECT_THAT(std::string(found(kPeersGone)->what), HasSubstr("the peer has gone"));
}

TEST_F(PeersGoneOf, who_answers_with_a_window_of_0_is_one_or_several) {
    auto blocked = client_end(ClosedFirst::none, Ending::timed_out, EndingDetail::user_timeout);
    blocked.numbers.unsent = 1;
    blocked.numbers.peer_window = 0;
    blocked.numbers.receiver_limited_ms = 2000;
    end(blocked);
    EXPECT_EQ(
        found(kPeersGone)->what,
        "1 connection of app (pid 100) to 10.0.0.1:80 was ended by the time-out that the program "
        "has set (TCP_USER_TIMEOUT): the peer was alive and answered, but with a receive window "
        "of 0 for 2.0 s, so that 1 byte stayed unsent: it doesn't read.");
}

TEST_F(PeersGone, of_several_peers_the_one_with_the_most_is_named) {
    clients(scenario("keepalive_times_out"), 2, 40'000, "10.0.0.5");
    clients(scenario("keepalive_times_out"), 2, 41'000, "10.0.0.6");
    EXPECT_EQ(remote(), "10.0.0.5:5432"); // the first of those with as many
    clients(scenario("keepalive_times_out"), 1, 42'000, "10.0.0.6");
    EXPECT_EQ(remote(), "10.0.0.6:5432");
    clients(scenario("keepalive_times_out"), 2, 43'000, "10.0.0.5");
    EXPECT_EQ(remote(), "10.0.0.5:5432");
    const report::Finding* f = finding(last, kPeersGone);
    EXPECT_EQ(evidence(*f, "ended"), 7);
    EXPECT_EQ(f->what, "7 connections of app timed out without an answer from the peers (keepalive "
                       "7): 4 to 10.0.0.5:5432, 3 to 10.0.0.6:5432: the peers have gone, or the "
                       "paths to them are cut.");
    EXPECT_EQ(f->connections.size(), 6u); // three of each
}

TEST_F(PeersGone, before_it_ends_a_connection_waits) {
    threshold("peers_gone.connections=2");
    unanswered(40'000, 3000, 1, 2);
    unanswered(40'001, 2990, 1, 2); // not for long enough
    EXPECT_FALSE(found(kPeersGone, 10s));
    unanswered(40'002, 4000, 30, 1);
    const report::Finding* f = found(kPeersGone, 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what,
              "The peers of 2 connections of app (pid 1000) don't answer: no segment from "
              "10.0.0.9:80 for 4.0 s, 31 bytes unacknowledged, up to 2 retransmissions in a row: "
              "the peer has gone, or the path to it is cut.");
    EXPECT_EQ(evidence(*f, "waiting"), 2);
    EXPECT_EQ(evidence(*f, "unacked"), 31);
    EXPECT_EQ(evidence(*f, "retransmissions"), 2);
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "silence_ns")), 4s);
}

TEST_F(PeersGone, of_several_remotes_each_has_its_number) {
    for (const auto& [remote, pid, count] : {std::tuple("10.0.0.8", 7u, 2),
                                             {"10.0.0.9", 8u, 3},
                                             {"10.0.0.6", 8u, 1},
                                             {"10.0.0.7", 8u, 1}})
        for (int i = 0; i < count; ++i)
            unanswered(static_cast<tcp::Port>(40'000 + i), 4000, 10, 1, remote, pid);
    const report::Finding* f = found(kPeersGone, 10s);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("The peers of 7 connections of app (pids 7, 8) don't answer (3 to "
                          "10.0.0.9:80, 2 to 10.0.0.8:80, 1 to 10.0.0.6:80, 1 to others): no "
                          "segment"));
    EXPECT_EQ(evidence(*f, "waiting"), 7);
    EXPECT_EQ(evidence(*f, "unacked"), 70);
}

TEST_F(PeersGone, who_is_heard_and_acknowledges_nothing_is_out_of_reach_in_one_direction) {
    unanswered(40'000, 100, 10, 3); // three time-outs take 1.4 s
    EXPECT_FALSE(found(kPeersGone, 10s));
    unanswered(40'001, 100, 20, 4);
    const report::Finding* f = found(kPeersGone, 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what,
              "What app (pid 1000) sends on 1 connection isn't acknowledged for 3.0 s at "
              "least (20 bytes unacknowledged, up to 4 retransmissions in a row), although "
              "segments came from 10.0.0.9:80 no longer than 100 ms ago: what is sent is lost on "
              "the way.");
    EXPECT_EQ(evidence(*f, "waiting"), 1);
    EXPECT_THAT(advice(*f), HasSubstr("One direction is cut"));
    unanswered(40'002, 3000, 20, 4); // this one is silent
    const auto& all = section<report::Findings>(report(10s), "findings").list;
    ASSERT_EQ(all.size(), 2u);
    EXPECT_THAT(std::string(all[0].what), HasSubstr("don't answer"));
    EXPECT_THAT(std::string(all[1].what), HasSubstr("although segments came from"));
}

TEST_F(PeersGone, what_is_sent_in_vain_for_longest_is_one_of_several) {
    unanswered(40'000, 100, 10, 4);
    unanswered(40'001, 100, 10, 6);
    EXPECT_THAT(std::string(found(kPeersGone, 10s)->what),
                HasSubstr("What app (pid 1000) sends on 2 connections isn't acknowledged, on one "
                          "of them for 12.6 s at least (20 bytes"));
}

TEST_F(PeersGone, a_host_that_answers_on_another_connection_has_not_gone) {
    unanswered(40'000, 4000, 10, 4);
    const auto why = [&] { return std::string(found(kPeersGone, 1001ms)->what); };
    EXPECT_THAT(why(), HasSubstr(": the peer has gone, or the path to it is cut."));
    unanswered(40'002, 100, 0, 0, "10.0.0.8");
    unanswered(40'003, 100, 10, 1); // it doesn't acknowledge what it is sent
    EXPECT_THAT(why(), HasSubstr(": the peer has gone, or the path to it is cut."));
    unanswered(40'004, 2990, 0, 0);
    EXPECT_THAT(why(), HasSubstr(": that host answers on other connections now, so either"));
    unanswered(40'005, 4000, 4000, 4, "10.0.0.7"); // one has gone, perhaps
    EXPECT_THAT(why(), HasSubstr(": the peers have gone, or the paths to them are cut or take no "
                                 "large segments."));
}

TEST_F(PeersGone, what_this_host_drops_itself_is_not_sent_even_once) {
    event::SocketNumbers numbers;
    numbers.since_received_ms = 5000;
    numbers.unsent = 6;
    numbers.probes = 4;
    numbers.peer_window = 65'536;
    listed({.state = ESTABLISHED,
            .ends = tuple("10.0.0.1", 40'000, "10.0.0.9", 80),
            .opener = process(1000, "app"),
            .numbers = numbers});
    const report::Finding* f = found(kPeersGone, 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what,
              "The peers of 1 connection of app (pid 1000) don't answer: no segment from "
              "10.0.0.9:80 for 5.0 s, 6 bytes that this host doesn't get out: what is to be sent "
              "is dropped here, or the path is cut.");
    EXPECT_EQ(evidence(*f, "unsent"), 6);
    EXPECT_THAT(advice(*f), HasSubstr("nft list ruleset"));
    unanswered(40'001, 4000, 30, 1);
    EXPECT_THAT(advice(*found(kPeersGone, 10s)), Not(HasSubstr("nft list ruleset")));
}

TEST_F(PeersGone, those_that_wait_and_those_that_ended_are_one_finding) {
    threshold("peers_gone.connections=2");
    unanswered(40'000, 3000, 1, 1);
    EXPECT_FALSE(found(kPeersGone, kLater));
    clients(scenario("keepalive_times_out"), 1);
    const report::Finding* f = found(kPeersGone, kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(
        f->what,
        "The peers of 1 connection of app (pid 1000) don't answer: no segment from "
        "10.0.0.9:80 for 3.0 s, 1 byte unacknowledged, up to 1 retransmission in a row; 1 "
        "connection of app (pid 1000) to 10.0.0.5:5432 timed out without an answer from the "
        "peer (keepalive 1), for instance 10.0.0.5:5432: the peers have gone, or the paths to "
        "them are cut.");
}

} // namespace
} // namespace tcpdwell::test

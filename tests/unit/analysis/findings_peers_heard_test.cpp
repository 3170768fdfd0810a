// SPDX-License-Identifier: Apache-2.0
// The finding on peers that don't answer, where their hosts are heard all the same.
#include "cause_findings.h"
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class PeersHeard : public RuleTest {
protected:
    static event::SocketNumbers numbers(std::uint32_t silent_ms, std::uint32_t since_sent_ms,
                                        std::uint32_t unacked, std::uint8_t timeouts) {
        event::SocketNumbers n;
        n.since_received_ms = silent_ms;
        n.since_sent_ms = since_sent_ms;
        n.unacked = unacked;
        n.unsent = 0;
        n.timeouts = timeouts;
        return n;
    }
    void connection(tcp::Port port, const event::SocketNumbers& n, tcp::State state = ESTABLISHED) {
        listed({.state = state,
                .ends = tuple("10.0.0.1", port, "10.0.0.9", 80),
                .opener = process(1000, "app"),
                .numbers = n});
    }
    void heard(tcp::Port port, std::uint32_t ms_ago) { connection(port, numbers(ms_ago, 0, 0, 0)); }
    const report::Finding* f() { return found("peers_gone", 1001ms); }
    std::string what() { return std::string(f()->what); }
};

TEST_F(PeersHeard, while_connections_that_were_idle_are_not_answered) {
    connection(40'000, numbers(12'700, 1600, 100, 5));
    connection(40'001, numbers(12'700, 1600, 100, 5));
    heard(40'002, 10'000); // before anything was sent that isn't answered
    EXPECT_EQ(what(),
              "The peers of 2 connections of app (pid 1000), idle for about 4.4 s before, don't "
              "answer: no segment from 10.0.0.9:80 for 12.7 s, the idle time included, 200 bytes "
              "unacknowledged, up to 5 retransmissions in a row: the peer has gone, or the path to "
              "it is cut, or a firewall or NAT on the way has forgotten the idle connections.");
    heard(40'003, 3000);
    EXPECT_THAT(what(), HasSubstr("in a row: that host answers on other connections, so it hasn't "
                                  "gone: most likely a firewall or NAT on the way has forgotten "
                                  "these idle connections."));
    EXPECT_EQ(evidence(*f(), "answered_elsewhere"), 2);
    EXPECT_THAT(advice(*f()), HasSubstr("TCP_KEEPIDLE below that time"));
    EXPECT_THAT(advice(*f()), Not(HasSubstr("MTU")));
}

TEST_F(PeersHeard, idle_times_that_differ_are_a_range) {
    connection(40'000, numbers(12'700, 1600, 100, 5));
    connection(40'001, numbers(18'700, 1600, 100, 5));
    EXPECT_THAT(what(), HasSubstr(", idle for 4.4 s to 10.4 s before,"));
    connection(40'002, numbers(8000, 1600, 100, 5));
    EXPECT_THAT(what(), Not(HasSubstr("idle"))) << "one of them wasn't";
}

TEST_F(PeersHeard, while_what_is_sent_all_the_time_is_not_answered) {
    connection(40'000, numbers(8000, 1600, 100, 5));
    heard(40'001, 3000);
    EXPECT_THAT(what(), HasSubstr(": that host answers on other connections, so what these send is "
                                  "lost on the way (by its ports, on one of several paths), or "
                                  "several hosts share an address."));
    EXPECT_THAT(advice(*f()), Not(HasSubstr("MTU")));
    connection(40'002, numbers(8000, 1600, 4000, 5));
    EXPECT_THAT(what(), HasSubstr("(by its size, or its ports, on one of several paths)"));
    EXPECT_THAT(advice(*f()), HasSubstr("MTU"));
}

/// After the last retransmission: the next one may be answered.
TEST_F(PeersHeard, just_now_it_may_be_an_outage_that_is_over) {
    connection(40'000, numbers(8000, 1600, 100, 5));
    heard(40'001, 1000);
    EXPECT_THAT(what(), HasSubstr(": that host answers on other connections now, so either what "
                                  "these send is lost on the way, or an outage has just ended"));
}

TEST_F(PeersHeard, what_is_closed_has_its_data_to_send_still) {
    connection(40'000, numbers(4300, 1600, 1, 5), LAST_ACK);
    EXPECT_FALSE(f()) << "a FIN";
    connection(40'001, numbers(4300, 1600, 16'000, 5), LAST_ACK);
    connection(40'002, numbers(2900, 1600, 16'000, 3), LAST_ACK); // not for long enough
    EXPECT_THAT(what(), HasSubstr("The peers of 1 connection of app (pid 1000) don't answer: no "
                                  "segment from 10.0.0.9:80 for 4.3 s, closed here, 15999 bytes "
                                  "unacknowledged"));
    EXPECT_EQ(evidence(*f(), "closing"), 1);
    EXPECT_TRUE(found("peers_gone", 30s));
    EXPECT_FALSE(found("peers_gone", 31s));
    EXPECT_TRUE(found("closing_stuck", 31s));
}

/// A middlebox that lets no more than so much of each connection pass.
TEST_F(PeersHeard, by_its_size_only_if_no_large_segments_were_acknowledged_before) {
    event::SocketNumbers n = numbers(8000, 1600, 40'000, 5);
    n.bytes_acked = 95'568;
    n.bytes_sent = 180'000;
    n.segments_sent = 125;
    connection(40'000, n);
    EXPECT_THAT(what(), Not(HasSubstr("large segments")));
    EXPECT_THAT(advice(*f()), Not(HasSubstr("MTU")));
    n.segments_sent = 900; // small ones
    connection(40'001, n);
    EXPECT_THAT(what(), HasSubstr("takes no large segments"));
    EXPECT_THAT(advice(*f()), HasSubstr("MTU"));
}

TEST_F(PeersHeard, of_keepalive_the_probes_are_named) {
    event::SocketNumbers n = numbers(8400, 8500, 0, 0);
    n.probes = 6;
    connection(40'000, n);
    EXPECT_THAT(what(), HasSubstr("for 8.4 s, up to 6 keepalive probes in a row unanswered: the"));
    EXPECT_EQ(evidence(*f(), "probes"), 6);
    EXPECT_THAT(advice(*f()), Not(HasSubstr("SO_KEEPALIVE")));
}

/// One direction is cut.
TEST_F(PeersHeard, whose_other_ends_are_here_and_receive_are_not_gone) {
    connection(40'000, numbers(8800, 1600, 4, 5));
    const auto other = [&](std::uint32_t silent_ms) {
        listed({.state = ESTABLISHED,
                .ends = tuple("10.0.0.9", 80, "10.0.0.1", 40'000),
                .opener = process(2000, "peer"),
                .numbers = numbers(silent_ms, 1600, 0, 0),
                .netns = kNetns + 1});
    };
    other(8800); // it doesn't either
    EXPECT_THAT(what(), HasSubstr("the peer has gone, or the path"));
    more.resize(more.size() - 3);
    other(1600);
    EXPECT_THAT(what(), HasSubstr(": their other ends are open on this host, and receive what is "
                                  "sent: what those send is lost on the way."));
    EXPECT_EQ(evidence(*f(), "open_there"), 1);
    EXPECT_THAT(advice(*f()), HasSubstr("One direction is cut"));
}

class PeersHeardOf : public CauseFindings {
protected:
    void timed_out() {
        auto gone = client_end(ClosedFirst::none, Ending::timed_out, EndingDetail::keepalive)
                        .carried(1, 1)
                        .idle(6200, 6200);
        gone.numbers.probes = 2;
        end(gone, 8);
    }
    void answered(std::uint32_t before_ms) {
        end(client_end(ClosedFirst::local, Ending::fin).carried(1, 1).idle(0, before_ms));
    }
    std::string what() { return std::string(found("peers_gone")->what); }
};

TEST_F(PeersHeardOf, idle_ones_that_keepalive_ended_were_forgotten_on_the_way) {
    answered(1000);
    timed_out();
    EXPECT_EQ(what(), "8 connections of app (pid 100) to 10.0.0.1:80 timed out without an answer "
                      "from the peer (keepalive 8), for instance 10.0.0.1:80, having been idle for "
                      "about 6.2 s: that host answered meanwhile on other connections, so it "
                      "hasn't gone: most likely a firewall or NAT on the way has forgotten these "
                      "idle connections.");
    EXPECT_THAT(advice(*found("peers_gone")), Not(HasSubstr("SO_KEEPALIVE")));
    EXPECT_THAT(advice(*found("peers_gone")), HasSubstr("TCP_KEEPIDLE below that time"));
}

TEST_F(PeersHeardOf, an_outage_that_is_over) {
    answered(5000);
    timed_out();
    EXPECT_THAT(what(), HasSubstr("the peer has gone"));
    answered(0);
    EXPECT_THAT(what(), HasSubstr(": that host has answered since, so it or the way there was out "
                                  "of reach then, or a firewall or NAT on the way has forgotten "
                                  "the idle connections."));
    EXPECT_EQ(evidence(*found("peers_gone"), "answered_since"), 8);
}

/// Firewalls that begin anew, and servers whose RSTs are dropped.
TEST_F(PeersHeardOf, what_was_opened_before_a_moment_is_dead_and_what_was_opened_later_works) {
    auto gone = client_end(ClosedFirst::none, Ending::timed_out, EndingDetail::user_timeout)
                    .carried(100, 1)
                    .idle(1600, 8000);
    gone.numbers.unacked = 100;
    gone.numbers.timeouts = 5;
    end(gone, 8);
    auto other = client_end(ClosedFirst::local, Ending::fin).carried(1, 1).idle(0, 2500);
    other.line.opened = at(-3s);
    end(other);
    EXPECT_THAT(what(), HasSubstr(": that host answered meanwhile on connections that were opened "
                                  "later, and on none that was there before: most likely a "
                                  "firewall or NAT on the way has lost its state, or the server "
                                  "was restarted or replaced and its RSTs don't arrive."));
    EXPECT_EQ(evidence(*found("peers_gone"), "answered_elsewhere"), 8);
    EXPECT_EQ(evidence(*found("peers_gone"), "answered_on_older"), 0);
    EXPECT_THAT(advice(*found("peers_gone")), HasSubstr("connection table"));

    other.line.opened = at(-20s);
    end(other);
    EXPECT_THAT(what(), HasSubstr("meanwhile on other connections, so what these send is lost on "
                                  "the way (by its ports, on one of several paths)"));
    EXPECT_EQ(evidence(*found("peers_gone"), "answered_on_older"), 8);
    EXPECT_THAT(advice(*found("peers_gone")), Not(HasSubstr("connection table")));
}

/// Two keepalive timers that run out in the same outage: others wait longer.
TEST_F(PeersHeardOf, a_short_outage_that_others_survive_meets_a_short_keepalive) {
    timed_out();
    auto other = client_end(ClosedFirst::local, Ending::fin).carried(1, 1).idle(0, 0);
    other.line.opened = at(-20s);
    end(other);
    EXPECT_THAT(what(), HasSubstr(": that host has answered since, also on connections that were "
                                  "there before: a short outage, in which keepalive gave up 6.2 s "
                                  "after a segment had come last, with 2 probes unanswered."));
    EXPECT_THAT(advice(*found("peers_gone")), HasSubstr("TCP_KEEPCNT"));
    EXPECT_THAT(advice(*found("peers_gone")), Not(HasSubstr("forget")));
}

/// What the kernel has to deliver by itself, it gives up sooner.
TEST_F(PeersHeardOf, closed_ones_are_ended_by_the_limit_for_orphans) {
    auto gone = client_end(ClosedFirst::local, Ending::timed_out, EndingDetail::retransmission)
                    .carried(100, 1)
                    .idle(990, 1420)
                    .closed_how(tcp::ClosedHow::close)
                    .stays(FIN_WAIT1, 1600ms);
    gone.numbers.unacked = 53'576;
    gone.numbers.unsent = 1000;
    gone.numbers.timeouts = 1;
    end(gone, 8);
    EXPECT_THAT(what(), HasSubstr(", all of them when they had been closed here, after up to 1 "
                                  "retransmission in a row, and 8000 bytes unsent were lost"));
    EXPECT_EQ(evidence(*found("peers_gone"), "orphaned"), 8);
    EXPECT_EQ(evidence(*found("peers_gone"), "lost"), 8000);
    EXPECT_THAT(advice(*found("peers_gone")), HasSubstr("net.ipv4.tcp_orphan_retries"));
    EXPECT_THAT(advice(*found("peers_gone")), Not(HasSubstr("15, the default")));
    EXPECT_THAT(advice(*found("peers_gone")), Not(HasSubstr("SO_KEEPALIVE")));
}

/// Something on the way lets the SYN pass, and nothing else.
TEST_F(PeersHeardOf, that_never_got_the_last_ack_of_the_handshake) {
    auto gone = client_end(ClosedFirst::none, Ending::timed_out, EndingDetail::user_timeout)
                    .carried(100, 0)
                    .idle(1600, 8000);
    gone.numbers.bytes_acked = 0;
    gone.numbers.unacked = 100;
    gone.numbers.timeouts = 5;
    gone.numbers.segments_received = 3;
    end(gone, 8);
    auto other = client_end(ClosedFirst::local, Ending::fin).carried(1, 1).idle(0, 2500);
    end(other);
    EXPECT_THAT(what(), HasSubstr(": only up to 2 segments came after the SYN-ACK, without data "
                                  "or acknowledgement: most likely the SYN-ACK again"));
    EXPECT_EQ(evidence(*found("peers_gone"), "never_acked"), 8);
    EXPECT_FALSE(has_fact(found("peers_gone")->evidence, "answered_elsewhere"));
    EXPECT_THAT(advice(*found("peers_gone")), HasSubstr("One direction is cut"));
}

TEST_F(PeersHeardOf, what_dies_one_after_the_other_has_not_died_by_one_event) {
    auto gone = client_end(ClosedFirst::none, Ending::timed_out, EndingDetail::user_timeout)
                    .carried(100, 1)
                    .idle(1600, 8000);
    gone.numbers.unacked = 100;
    gone.numbers.timeouts = 5;
    end(gone, 20); // the last one was heard when the first one wasn't answered
    auto other = client_end(ClosedFirst::local, Ending::fin).carried(1, 1).idle(0, 2500);
    other.line.opened = at(-3s);
    end(other);
    EXPECT_THAT(what(), HasSubstr("meanwhile on other connections, so what these send is lost on "
                                  "the way, or several hosts share an address."));
}

TEST_F(PeersHeardOf, a_few_of_the_clients_of_a_service_are_no_warning) {
    end(served_end(ClosedFirst::none, Ending::timed_out, EndingDetail::retransmission));
    end(served_end(ClosedFirst::remote, Ending::fin), 9);
    EXPECT_EQ(found("peers_gone")->severity, report::Severity::warning);
    end(served_end(ClosedFirst::remote, Ending::fin), 1);
    EXPECT_EQ(found("peers_gone")->severity, report::Severity::info);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// The finding about connects that get no answer.
#include <fmt/format.h>

#include "cause_findings.h"
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class ConnectsUnanswered : public RuleTest {};

TEST_F(ConnectsUnanswered, from_the_number_that_failed_on) {
    clients(scenario("connect_times_out"), 2);
    clients(scenario("connect_times_out"), 2, 40'000, "10.0.0.6"); // another endpoint
    EXPECT_FALSE(found("connects_unanswered", kLater));
    town = {};
    clients(scenario("connect_times_out"), 3);
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "connects"), 3);
    EXPECT_EQ(evidence(*f, "failed"), 3);
    EXPECT_EQ(evidence(*f, "waiting"), 0);
    EXPECT_EQ(evidence(*f, "hosts"), 1);
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "host")), "10.0.0.5");
    EXPECT_EQ(std::get<std::string_view>(fact(f->evidence, "program")), "app");
}

TEST_F(ConnectsUnanswered, from_the_share_of_the_connects_on) {
    clients(scenario("connect_times_out"), 3);
    clients(scenario("client_first_fin_with_ack"), 27, 45'000);
    EXPECT_TRUE(found("connects_unanswered", kLater));
    clients(scenario("client_first_fin_with_ack"), 1, 46'000);
    EXPECT_FALSE(found("connects_unanswered", kLater));
}

TEST_F(ConnectsUnanswered, from_the_age_in_syn_sent_on) {
    clients(scenario("still_connecting"), 20); // the last of them begins at 19 ms
    EXPECT_FALSE(found("connects_unanswered", 1s));
    const report::Finding* f = found("connects_unanswered", 1s + 20ms);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "waiting"), 20);
    EXPECT_EQ(evidence(*f, "failed"), 0);
    EXPECT_FALSE(f->connections.empty());
}

TEST_F(ConnectsUnanswered, however_soon_it_was_given_up) {
    clients(scenario("connect_given_up"), 3); // after two seconds
    EXPECT_TRUE(found("connects_unanswered", kLater));
}

TEST_F(ConnectsUnanswered, what_is_unreachable_was_told_so) {
    clients(scenario("unreachable"), 3);
    clients(scenario("connect_given_up"), 2, 41'000);
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "unreachable"), 3);
    EXPECT_THAT(
        std::string(f->what),
        HasSubstr("5 connects of app to 10.0.0.5:5432 failed, because it can't be reached"));
    EXPECT_THAT(advice(*f), HasSubstr("ip neigh"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("dropped")));
    clients(scenario("connect_given_up"), 1, 43'000);
    f = found("connects_unanswered", kLater);
    EXPECT_THAT(std::string(f->what), HasSubstr("got no answer"));
    EXPECT_THAT(advice(*f), HasSubstr("The SYNs, or the answers to them, are dropped"));
}

TEST_F(ConnectsUnanswered, of_several_unreachable_hosts_the_worst_is_named) {
    clients(scenario("unreachable"), 3);
    clients(scenario("unreachable"), 2, 40'000, "10.0.0.6");
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("neighbour has the address, 3 of them to 10.0.0.5."));
}

/// RFC 8305: programs that try several addresses at a time give up all but one.
TEST_F(ConnectsUnanswered, not_where_another_address_of_the_same_try_answered) {
    for (tcp::Port i = 0; i < 30; ++i) {
        const Nanoseconds start = i * 10s;
        clients(scenario("connect_given_up"), 1, static_cast<tcp::Port>(40'000 + i), "10.0.0.5",
                start);
        clients(scenario("client_first_fin_with_ack"), 1, static_cast<tcp::Port>(45'000 + i),
                "2001:db8::6", start + 250ms);
    }
    EXPECT_FALSE(found("connects_unanswered", kLater));
    for (tcp::Port i = 0; i < 4; ++i) // nothing answers these, nor at another address
        clients(scenario("connect_given_up"), 1, static_cast<tcp::Port>(48'000 + i), "10.0.0.5",
                400s + i * 10s);
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "failed"), 4);
}

TEST_F(ConnectsUnanswered, where_the_server_is_seen_to_have_got_the_syns) {
    clients(scenario("connect_times_out"), 3, 40'000, "10.0.0.1");
    EXPECT_THAT(advice(*found("connects_unanswered", kLater)), HasSubstr("The SYNs, or the"));
    const auto at_server = [&](std::size_t count, tcp::Port first) {
        town.add(scenario("handshake_times_out"), here(tuple("10.0.0.1", 5432, "192.0.2.7", first)),
                 count, Vary::remote_port);
    };
    at_server(2, 41'000);
    EXPECT_THAT(advice(*found("connects_unanswered", kLater)), HasSubstr("The SYNs, or the"))
        << "of others, perhaps";
    at_server(1, 42'000);
    EXPECT_THAT(advice(*found("connects_unanswered", kLater)), HasSubstr("The SYNs arrived"));
}

/// As a proxy has it, whose requests go to one upstream after the other.
TEST_F(ConnectsUnanswered, also_where_others_of_several_servers_answer) {
    for (tcp::Port i = 0; i < 5; ++i) {
        const Nanoseconds start = i * 3s;
        clients(scenario("connect_given_up"), 1, static_cast<tcp::Port>(40'000 + i), "10.0.0.5",
                start);
        clients(scenario("client_first_fin_with_ack"), 2, static_cast<tcp::Port>(45'000 + 2 * i),
                "10.0.0.6", start + 250ms);
    }
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "5 connects of app to 10.0.0.5:5432 got no answer.");
}

TEST_F(ConnectsUnanswered, an_address_whose_tries_were_all_answered_elsewhere_is_not_named) {
    clients(scenario("connect_given_up"), 1, 40'000, "10.0.0.5");
    clients(scenario("client_first_fin_with_ack"), 1, 45'000, "2001:db8::6", 250ms);
    clients(scenario("connect_times_out"), 3, 46'000, "10.0.0.7", 400s);
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "3 connects of app to 10.0.0.7:5432 got no answer.");
    EXPECT_EQ(evidence(*f, "hosts"), 1);
}

TEST_F(ConnectsUnanswered, waiting_and_failed_count_together) {
    clients(scenario("connect_given_up"), 10);
    clients(scenario("unreachable"), 5, 42'000);
    clients(scenario("still_connecting"), 5, 43'000);
    const report::Finding* f = found("connects_unanswered", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "failed"), 15);
    EXPECT_EQ(evidence(*f, "waiting"), 5);
    EXPECT_EQ(evidence(*f, "connects"), 20);
}

TEST_F(ConnectsUnanswered, a_refusal_is_an_answer_and_no_port_is_nobody_s_fault) {
    clients(scenario("refused_then_retried"), 60);
    clients(scenario("no_free_port"), 60, 45'000);
    EXPECT_FALSE(found("connects_unanswered", kLater));
}

TEST_F(ConnectsUnanswered, an_upstream_that_is_down_is_named) {
    clients(scenario("connect_times_out"), 15, 40'000, "10.0.0.5");
    clients(scenario("connect_times_out"), 6, 40'000, "10.0.0.6");
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("21 connects of app to port 5432 of 2 hosts got no answer, 15 of them "
                          "from 10.0.0.5."));
    EXPECT_EQ(evidence(*f, "hosts"), 2);
}

/// One of several paths to it is bad, or one of the servers behind that address.
TEST_F(ConnectsUnanswered, while_others_at_the_same_endpoint_are_answered) {
    for (tcp::Port i = 0; i < 5; ++i) {
        clients(scenario("connect_given_up"), 1, static_cast<tcp::Port>(40'000 + i), "10.0.0.5",
                i * 3s);
        clients(scenario("client_first_fin_with_ack"), 2, static_cast<tcp::Port>(45'000 + 2 * i),
                "10.0.0.5", i * 3s + 500ms);
    }
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "5 of 15 connects of app to 10.0.0.5:5432 got no answer, while others there "
                       "were answered.");
    EXPECT_EQ(evidence(*f, "tries"), 15);
    EXPECT_EQ(evidence(*f, "answered_meanwhile"), 5);
    EXPECT_THAT(advice(*f), HasSubstr("one of several paths"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("dropped on the way")));
}

TEST_F(ConnectsUnanswered, in_an_outage_nobody_else_is_answered) {
    clients(scenario("client_first_fin_with_ack"), 10, 42'000);
    for (tcp::Port i = 0; i < 5; ++i)
        clients(scenario("connect_given_up"), 1, static_cast<tcp::Port>(40'000 + i), "10.0.0.5",
                10s + i * 3s);
    clients(scenario("client_first_fin_with_ack"), 10, 45'000, "10.0.0.5", 40s);
    EXPECT_EQ(found("connects_unanswered", kLater)->what,
              "5 of 25 connects of app to 10.0.0.5:5432 got no answer, until they were answered "
              "again 16.0 s after the last of them.");
    EXPECT_THAT(advice(*found("connects_unanswered", kLater)), HasSubstr("so it is over"));
}

/// A NAT without a port, a full table of connections: what is open goes on.
TEST_F(ConnectsUnanswered, while_what_was_open_before_goes_on) {
    clients(scenario("connect_given_up"), 4);
    event::SocketNumbers n;
    n.since_received_ms = 100;
    n.unacked = n.unsent = 0;
    const auto open = [&](std::uint32_t retransmitted) {
        n.segments_retransmitted = retransmitted;
        listed({.state = ESTABLISHED,
                .ends = tuple("10.0.0.1", 30'000, "10.0.0.5", 5432),
                .opener = process(1000, "app"),
                .numbers = n});
    };
    open(0);
    const report::Finding* f = found("connects_unanswered", 30s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "4 connects of app to 10.0.0.5:5432 got no answer, though 1 connection "
                       "there, opened before, goes on.");
    EXPECT_EQ(evidence(*f, "undisturbed"), 1);
    EXPECT_THAT(advice(*f), HasSubstr("no room for new ones"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("check that the server is up")));
    more.clear();
    open(1); // it met an outage, too
    EXPECT_FALSE(has_fact(found("connects_unanswered", 30s)->evidence, "undisturbed"));
}

/// As FTP's servers connect to a port that their client has named.
TEST_F(ConnectsUnanswered, of_one_host_at_a_port_each_are_counted_together) {
    const auto to_port = [&](std::string_view what, int port) {
        town.add(scenario(what),
                 here(tuple("10.0.0.1", static_cast<tcp::Port>(40'000 + port), "10.0.0.5",
                            static_cast<tcp::Port>(port)),
                      400s),
                 1, Vary::local_port);
    };
    for (int port = 5001; port <= 5002; ++port) to_port("connect_given_up", port);
    EXPECT_FALSE(found("connects_unanswered", kLater));
    to_port("connect_given_up", 5003);
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "3 connects of app to 3 ports of 10.0.0.5 got no answer.");
    for (int port = 6001; port <= 6028; ++port) to_port("client_first_fin_with_ack", port);
    EXPECT_FALSE(found("connects_unanswered", kLater)) << "less than one in ten";
}

class ConnectsFailedAtOnce : public CauseFindings {
protected:
    void fail(EndingDetail detail, Nanoseconds after, int times) {
        keeps_ports_ = true;
        auto connect = client_end(ClosedFirst::none, Ending::connect_failed, detail);
        connect.states = {{SYN_SENT, after}};
        connect.line.closed = at(1s + after);
        end(connect, times);
    }
};

/// No program gives up so soon: a firewall rejects the SYN, often on this very host.
TEST_F(ConnectsFailedAtOnce, are_rejected) {
    fail(EndingDetail::given_up, 100us, 12);
    const report::Finding* f = found("connects_unanswered");
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what,
              "12 connects of app to 10.0.0.1:80 failed at once (within 10 ms): by an ICMP error, "
              "or a firewall that rejects (perhaps on this host), unless the program closed them "
              "itself.");
    EXPECT_EQ(evidence(*f, "at_once"), 12);
    EXPECT_THAT(advice(*f), HasSubstr("a rule that rejects"));
    EXPECT_THAT(advice(*f), HasSubstr("If the program closed them itself"));
    fail(EndingDetail::unreachable, 1s, 5);
    EXPECT_THAT(std::string(found("connects_unanswered")->what),
                HasSubstr("17 connects of app to 10.0.0.1:80 failed, 12 of them at once (within "
                          "10 ms), 5 as unreachable: by an ICMP error"));
}

TEST_F(ConnectsFailedAtOnce, aren_t_counted_as_without_an_answer) {
    fail(EndingDetail::given_up, 10ms, 4);
    fail(EndingDetail::given_up, 9ms, 2);
    fail(EndingDetail::unreachable, 1s, 1);
    EXPECT_EQ(found("connects_unanswered")->what,
              "7 connects of app to 10.0.0.1:80 failed: 4 got no answer, 1 as unreachable (an "
              "ICMP error came, there is no route, or no neighbour has the address), 2 at once "
              "(within 10 ms: an ICMP error, or a firewall that rejects).");
}

/// Not more than anybody can look through.
TEST_F(ConnectsUnanswered, ports_are_apart_unless_they_are_many) {
    const auto to_ports = [&](int count) {
        town = {};
        for (int port = 0; port < count; ++port)
            town.add(scenario("connect_times_out"),
                     here(tuple("10.0.0.1", static_cast<tcp::Port>(40'000 + 10 * port), "10.0.0.5",
                                static_cast<tcp::Port>(5000 + port))),
                     3, Vary::local_port);
        return findings(report(kLater), "connects_unanswered");
    };
    EXPECT_EQ(to_ports(7).size(), 7u);
    const auto all = to_ports(8);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(evidence(*all[0], "connects"), 24);
    EXPECT_THAT(std::string(all[0]->what),
                HasSubstr("24 connects of app to 8 ports of 10.0.0.5 got"));
    EXPECT_EQ(all[0]->connections.size(), 3u);
}

/// A cluster whose nodes are all out of reach: the program hasn't made up their addresses.
TEST_F(ConnectsUnanswered, many_hosts_that_were_connected_are_no_scan) {
    const auto host = [](int i) { return "10.0.1." + std::to_string(i); };
    for (int i = 1; i <= 12; ++i) clients(scenario("connect_times_out"), 2, 40'000, host(i), 400s);
    EXPECT_THAT(std::string(found("connects_unanswered", kLater)->what), HasSubstr("a scan"));
    for (int i = 1; i <= 5; ++i) clients(scenario("client_first_fin_with_ack"), 1, 45'000, host(i));
    EXPECT_THAT(std::string(found("connects_unanswered", kLater)->what), HasSubstr("a scan"));
    clients(scenario("client_first_fin_with_ack"), 1, 45'000, host(6));
    const report::Finding* f = found("connects_unanswered", kLater);
    EXPECT_EQ(f->what, "24 connects of app to port 5432 of 12 hosts got no answer, though it has "
                       "been connected to 6 of these hosts.");
    EXPECT_EQ(evidence(*f, "known_hosts"), 6);
    EXPECT_THAT(advice(*f), HasSubstr("what they have in common"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("who started it")));
}

TEST_F(ConnectsUnanswered, hosts_with_a_port_of_their_own_are_a_scan_as_well) {
    for (int host = 1; host <= 20; ++host)
        town.add(scenario("connect_times_out"),
                 here(tuple("10.0.0.1", 40'000, "10.0.7." + std::to_string(host),
                            static_cast<tcp::Port>(5000 + host))),
                 1, Vary::local_port);
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("20 connects of app to 20 hosts got no answer"));
}

TEST_F(ConnectsUnanswered, many_hosts_with_hardly_a_repetition_are_a_scan) {
    for (int host = 1; host <= 20; ++host)
        clients(scenario("connect_times_out"), 1, 40'000, "10.0.7." + std::to_string(host));
    const report::Finding* f = found("connects_unanswered", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("20 connects of app to 20 hosts got no answer: a scan"));
    clients(scenario("connect_times_out"), 21, 41'000, "10.0.7.1"); // now one of them stands out
    EXPECT_THAT(std::string(found("connects_unanswered", kLater)->what), Not(HasSubstr("a scan")));
}

TEST_F(ConnectsUnanswered, a_scan_of_two_ports_is_one) {
    const auto scan = [&](tcp::Port port, int first, Nanoseconds start) {
        for (int host = first; host < first + 20; ++host)
            town.add(scenario("connect_times_out"),
                     here(tuple("10.0.0.1", 40'000, "10.0.7." + std::to_string(host), port), start),
                     1, Vary::local_port);
    };
    scan(22, 1, 0s);
    scan(80, 2, 100ms);
    const auto list = findings(report(kLater), "connects_unanswered");
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0]->what, "40 connects of app to 2 ports of 21 hosts got no answer: a scan, or "
                             "wrong addresses.");
    scan(443, 101, 0s);
    EXPECT_EQ(findings(report(kLater), "connects_unanswered").size(), 2u) << "of other hosts";
}

class UnansweredHosts : public CauseFindings {};

/// Which programs have been connected to an endpoint of many isn't known.
TEST_F(UnansweredHosts, of_which_more_programs_than_are_remembered_connect_to_may_be_known) {
    for (int host = 1; host <= 20; ++host) {
        EndedLine line =
            client_end(ClosedFirst::none, Ending::connect_failed, EndingDetail::timeout);
        line.who.tuple.remote.address = address(fmt::format("10.0.1.{}", host));
        end(line);
        for (int other = 1; other <= 64; ++other) {
            line.who.process = process(200, fmt::format("other{}", other));
            connected(line.who);
        }
    }
    const report::Finding* f = found("connects_unanswered");
    ASSERT_TRUE(f);
    EXPECT_EQ(f->what, "20 connects of app to port 80 of 20 hosts got no answer, 1 of them from "
                       "10.0.1.1.");
    EXPECT_FALSE(has_fact(f->evidence, "known_hosts"));
    EXPECT_THAT(advice(*f), Not(HasSubstr("Hosts that were in use")));
}

/// Each namespace has a loopback of its own.
TEST_F(ConnectsUnanswered, a_server_on_another_loopback_has_got_no_syns_of_these) {
    clients(scenario("connect_times_out"), 3, 40'000, "127.0.0.1");
    synth::Setting there = here(tuple("127.0.0.1", 5432, "127.0.0.1", 41'000));
    there.netns = kNetns + 1;
    town.add(scenario("handshake_times_out"), there, 3, Vary::remote_port);
    EXPECT_THAT(advice(*found("connects_unanswered", kLater)), HasSubstr("The SYNs, or the"));
}

} // namespace
} // namespace tcpdwell::test

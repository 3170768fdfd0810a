// SPDX-License-Identifier: Apache-2.0
// Findings about who closes first, TIME_WAITs that are missing, and the table that holds them:
// raised from the threshold on, not one below it.
#include "cause_findings.h"
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class ServerClosesFirst : public RuleTest {};

TEST_F(ServerClosesFirst, from_the_number_on) {
    served(scenario("server_first"), 99);
    EXPECT_FALSE(found("server_closes_first", kLater));
    served(scenario("server_first"), 1, 60'000);
    EXPECT_TRUE(found("server_closes_first", kLater));
}

TEST_F(ServerClosesFirst, from_the_share_on) {
    served(scenario("server_first"), 100);
    served(scenario("served"), 100, 52'000);
    EXPECT_TRUE(found("server_closes_first", kLater));
    served(scenario("served"), 1, 60'000);
    EXPECT_FALSE(found("server_closes_first", kLater));
}

TEST_F(ServerClosesFirst, what_nobody_closed_is_no_part_of_the_share) {
    served(scenario("server_first"), 100);
    served(scenario("handshake_reset"), 300, 52'000);
    const report::Finding* f = found("server_closes_first", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(std::get<double>(fact(f->evidence, "share")), 1.0);
}

TEST_F(ServerClosesFirst, some_protocols_want_it_so) {
    const auto advised = [this](tcp::Port port) {
        town = ConnectionMix();
        town.add(scenario("server_first"), here(tuple("10.0.0.1", port, "192.0.2.7", 50'000)), 100,
                 Vary::remote_port);
        return std::string(found("server_closes_first", kLater)->advice.front());
    };
    EXPECT_THAT(advised(143), HasSubstr("By the protocols of that port the server closes"));
    EXPECT_THAT(advised(80), HasSubstr("keep-alive"));
}

TEST_F(ServerClosesFirst, is_about_servers) {
    clients(scenario("client_first_fin_with_ack"), 300);
    EXPECT_FALSE(found("server_closes_first", kLater));
}

TEST_F(ServerClosesFirst, thresholds_can_be_set) {
    threshold("server_closes_first.connections=5");
    threshold("server_closes_first.share=80%");
    served(scenario("server_first"), 8);
    served(scenario("served"), 2, 52'000);
    EXPECT_TRUE(found("server_closes_first", kLater));
    threshold("server_closes_first.share=81%");
    EXPECT_FALSE(found("server_closes_first", kLater));
}

TEST_F(ServerClosesFirst, a_threshold_of_0_is_one_of_1) {
    threshold("server_closes_first.connections=0");
    threshold("server_closes_first.share=0");
    served(scenario("served"), 5);
    EXPECT_FALSE(found("server_closes_first", kLater));
    served(scenario("server_first"), 1, 60'000);
    EXPECT_TRUE(found("server_closes_first", kLater));
}

/// A reset leaves no TIME_WAIT, whoever sends it.
TEST_F(ServerClosesFirst, what_left_no_time_wait_is_not_counted) {
    served(scenario("unread_data"), 200);
    served(scenario("server_first"), 99, 52'000);
    EXPECT_FALSE(found("server_closes_first", kLater));
    served(scenario("server_first"), 1, 60'000);
    const report::Finding* f = found("server_closes_first", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "time_wait_peak"), 100);
}

TEST_F(ServerClosesFirst, what_is_over_and_had_room_is_information) {
    served(scenario("server_first"), 100);
    const report::Finding* f = found("server_closes_first", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning) << "the limit isn't known";
    sysctl("net.ipv4.tcp_max_tw_buckets", "201");
    f = found("server_closes_first", kLater);
    EXPECT_EQ(f->severity, report::Severity::info);
    EXPECT_THAT(std::string(f->what), HasSubstr("first, and so had the TIME_WAITs: 0 now, 100"));
    f = found("server_closes_first", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_THAT(std::string(f->what), HasSubstr("and so collects the TIME_WAITs: 100 now"));
    facts.clear();
    sysctl("net.ipv4.tcp_max_tw_buckets", "200");
    EXPECT_EQ(found("server_closes_first", kLater)->severity, report::Severity::warning);
}

class ServerThatDied : public CauseFindings {};

TEST_F(ServerThatDied, has_not_made_a_habit_of_it) {
    EndedLine line = served_end(ClosedFirst::local, Ending::fin).carried(5, 5).accepted();
    line.line.time_wait = track::ConnectionLine::TimeWait{60s, tcp::TimeWaitEnd::expired, 0};
    EndedLine killed = line;
    killed.closed_how(tcp::ClosedHow::signal, 9);
    end(killed, 150);
    EXPECT_TRUE(found("process_died"));
    EXPECT_FALSE(found("server_closes_first"));
    end(line, 99);
    EXPECT_FALSE(found("server_closes_first"));
    end(line);
    const report::Finding* f = found("server_closes_first");
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "closed_first_local"), 100);
    EXPECT_THAT(std::string(f->what), HasSubstr("closed 100 of 100 connections first"));
}

TEST_F(ServerClosesFirst, evidence_and_advice) {
    sysctl("net.ipv4.tcp_max_tw_buckets", "1000");
    served(scenario("server_first"), 120);
    served(scenario("served"), 30, 52'000);
    const report::Finding* f = found("server_closes_first", 30s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_EQ(evidence(*f, "closed_first_local"), 120);
    EXPECT_EQ(evidence(*f, "closed_first_remote"), 30);
    EXPECT_DOUBLE_EQ(std::get<double>(fact(f->evidence, "share")), 0.8);
    EXPECT_EQ(evidence(*f, "time_wait_now"), 120);
    EXPECT_EQ(evidence(*f, "time_wait_peak"), 120);
    const double held = std::get<double>(fact(f->evidence, "time_wait_socket_seconds"));
    EXPECT_GT(held, 120 * 29.0);
    EXPECT_LT(held, 120 * 30.0);
    EXPECT_EQ(f->connections.size(), 3u);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("worker (pid 101) on 0.0.0.0:80 closed 120 of 150 connections first"));
    EXPECT_THAT(advice(*f), HasSubstr("net.ipv4.tcp_max_tw_buckets (1000 here). There is room."));
    facts.clear();
    sysctl("net.ipv4.tcp_max_tw_buckets", "240");
    EXPECT_THAT(advice(*found("server_closes_first", 30s)), Not(HasSubstr("There is room")));
    facts.clear();
    EXPECT_THAT(advice(*found("server_closes_first", 30s)),
                HasSubstr("tcp_max_tw_buckets (not known here)"));
}

TEST_F(ServerClosesFirst, the_table_is_that_of_the_namespace) {
    sysctl("net.ipv4.tcp_max_tw_buckets", "300");
    served(scenario("server_first"), 120);
    EXPECT_THAT(advice(*found("server_closes_first", 30s)), HasSubstr("There is room."));
    town.add(scenario("server_first"), here(tuple("10.0.0.1", 81, "192.0.2.7", 50'000), 0s, 200),
             90, Vary::remote_port);
    EXPECT_THAT(advice(*found("server_closes_first", 30s)), Not(HasSubstr("There is room.")));
}

class TimeWaitSkipped : public RuleTest {};

TEST_F(TimeWaitSkipped, from_the_number_on) {
    clients(scenario("linger_zero"), 19);
    EXPECT_FALSE(found("time_wait_skipped", kLater));
    clients(scenario("linger_zero"), 1, 45'000);
    EXPECT_TRUE(found("time_wait_skipped", kLater));
}

TEST_F(TimeWaitSkipped, from_the_share_on) {
    clients(scenario("linger_zero"), 20);
    clients(scenario("client_first_fin_with_ack"), 180, 42'000);
    EXPECT_TRUE(found("time_wait_skipped", kLater));
    clients(scenario("client_first_fin_with_ack"), 1, 45'000);
    EXPECT_FALSE(found("time_wait_skipped", kLater));
}

TEST_F(TimeWaitSkipped, closing_second_is_no_active_close) {
    clients(scenario("linger_zero_in_close_wait"), 50);
    EXPECT_FALSE(found("time_wait_skipped", kLater));
    EXPECT_EQ(quality(last, "ended"), 50);
}

TEST_F(TimeWaitSkipped, only_by_what_has_no_finding_of_its_own) {
    clients(scenario("linger_zero"), 20, 40'000);
    clients(scenario("fin_wait1_gets_data"), 6, 41'000);
    clients(scenario("fin_never_comes"), 5, 42'000);
    clients(scenario("linger2_negative"), 4, 43'000);
    clients(scenario("reset_in_fin_wait2"), 3, 44'000);
    clients(scenario("orphan_times_out_in_fin_wait1"), 2, 45'000);
    clients(scenario("admin_kill_in_established"), 1, 46'000);
    const report::Finding* f = found("time_wait_skipped", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "skipped"), 24);
    EXPECT_EQ(evidence(*f, "so_linger_zero"), 20);
    EXPECT_EQ(evidence(*f, "linger2"), 4);
    EXPECT_EQ(f->advice.size(), 2u);
    EXPECT_THAT(std::string(f->advice.front()), HasSubstr("SO_LINGER"));
}

TEST_F(TimeWaitSkipped, the_most_frequent_cause_is_named_first) {
    clients(scenario("linger2_negative"), 20, 40'000);
    clients(scenario("linger_zero"), 20, 41'000);
    const report::Finding* f = found("time_wait_skipped", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("40 of 40 active closes left no TIME_WAIT by a "
                                                "socket option (so_linger_zero 20, linger2 20)."));
    clients(scenario("linger2_negative"), 1, 42'000);
    f = found("time_wait_skipped", kLater);
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("(linger2 21, so_linger_zero 20)"));
    EXPECT_THAT(std::string(f->advice.front()), HasSubstr("TCP_LINGER2 below 0"));
}

TEST_F(TimeWaitSkipped, a_threshold_of_0_is_one_of_1) {
    threshold("time_wait_skipped.connections=0");
    threshold("time_wait_skipped.share=0");
    clients(scenario("client_first_fin_with_ack"), 20);
    EXPECT_FALSE(found("time_wait_skipped", kLater));
    clients(scenario("linger_zero"), 1, 45'000);
    EXPECT_TRUE(found("time_wait_skipped", kLater));
}

class TimeWaitSkippedBy : public CauseFindings {};

/// What ended otherwise and lost nothing makes up for no RST that took data away.
TEST_F(TimeWaitSkippedBy, an_rst_that_took_data_away_is_not_harmless) {
    EndedLine lossy =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(5, 5);
    lossy.numbers.unacked = 5;
    end(lossy, 20);
    end(client_end(ClosedFirst::local, Ending::fin_wait2_expired).carried(5, 5), 20);
    const report::Finding* f = found("time_wait_skipped");
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "skipped"), 20);
    EXPECT_EQ(evidence(*f, "active_closes"), 40);
    EXPECT_THAT(
        std::string(f->what),
        HasSubstr("20 of 40 active closes left no TIME_WAIT by a socket option (so_linger"));
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_THAT(advice(*f), HasSubstr("may lose data that it has not read yet"));
}

TEST_F(TimeWaitSkippedBy, what_was_unsent_is_lost) {
    EndedLine lossy =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(5, 5);
    lossy.numbers.unsent = 1000;
    end(lossy, 20);
    const report::Finding* f = found("time_wait_skipped");
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("(so_linger_zero 20), and threw 20000 bytes away that had not been sent "
                          "yet."));
    EXPECT_EQ(evidence(*f, "unsent"), 20'000);
    EXPECT_THAT(std::string(f->advice.front()), HasSubstr("Data is lost here"));
}

class OwnConnects : public CauseFindings {
protected:
    std::string_view said() {
        const report::Finding* f = found("server_closes_first");
        return f ? std::string_view(f->what) : std::string_view();
    }
};

TEST_F(OwnConnects, a_proxy_that_is_its_own_upstream) {
    const auto ends = [this](EndedLine line, int times) {
        line.line.time_wait = track::ConnectionLine::TimeWait{60s, tcp::TimeWaitEnd::expired, 0};
        if (line.who.role == tcp::Role::client) line.line.time_wait.reset();
        end(line, times);
    };
    ends(served_end(ClosedFirst::local, Ending::fin).carried(5, 5).stays(TIME_WAIT, 60s), 100);
    ends(client_end(ClosedFirst::remote, Ending::fin).carried(5, 5), 89);
    EXPECT_THAT(std::string(said()), Not(HasSubstr("itself")));
    ends(client_end(ClosedFirst::remote, Ending::fin).carried(5, 5), 1);
    EXPECT_THAT(std::string(said()), HasSubstr(" 90 of them are connects of app itself."));
    EXPECT_THAT(std::string(found("server_closes_first")->advice.front()), HasSubstr("a loop"));
}

class TimeWaitTableFull : public RuleTest {};

TEST_F(TimeWaitTableFull, from_the_share_of_the_limit_on) {
    sysctl("net.ipv4.tcp_max_tw_buckets", "20");
    clients(scenario("still_waiting"), 17);
    EXPECT_FALSE(found("time_wait_table_full", 10s));
    clients(scenario("still_waiting"), 1, 45'000);
    const report::Finding* f = found("time_wait_table_full", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_EQ(evidence(*f, "time_wait_now"), 18);
    EXPECT_EQ(evidence(*f, "time_wait_peak"), 18);
    EXPECT_EQ(evidence(*f, "limit"), 20);
    EXPECT_EQ(evidence(*f, "overflows"), 0);
    EXPECT_EQ(evidence(*f, "netns"), kNetns);
}

TEST_F(TimeWaitTableFull, the_peak_decides_even_if_they_are_gone) {
    sysctl("net.ipv4.tcp_max_tw_buckets", "20");
    clients(scenario("client_first_fin_with_ack"), 18);
    const report::Finding* f = found("time_wait_table_full", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "time_wait_now"), 0);
    EXPECT_EQ(evidence(*f, "time_wait_peak"), 18);
}

TEST_F(TimeWaitTableFull, each_namespace_has_a_table_and_a_limit) {
    sysctl("net.ipv4.tcp_max_tw_buckets", "1000");
    sysctl("net.ipv4.tcp_max_tw_buckets", "10", kNetns + 1);
    clients(scenario("still_waiting"), 9);
    EXPECT_FALSE(found("time_wait_table_full", 10s));
    synth::Setting there = here(tuple("10.0.0.1", 40'000, "10.0.0.5", 5432));
    there.netns = kNetns + 1;
    town.add(scenario("still_waiting"), there, 9, Vary::local_port);
    const report::Finding* f = found("time_wait_table_full", 10s);
    ASSERT_TRUE(f);
    EXPECT_EQ(evidence(*f, "netns"), kNetns + 1);
    EXPECT_EQ(evidence(*f, "time_wait_peak"), 9);
}

TEST_F(TimeWaitTableFull, any_overflow_is_critical_whatever_the_limit) {
    clients(scenario("overflow_after_fin"), 1);
    const report::Finding* f = found("time_wait_table_full", kLater);
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::critical);
    EXPECT_EQ(evidence(*f, "overflows"), 1);
    EXPECT_EQ(f->connections.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(f->evidence, "limit")));
    EXPECT_THAT(std::string(f->what), HasSubstr("went without one for 1 connection."));
}

TEST_F(TimeWaitTableFull, without_a_known_limit_nothing_is_near_it) {
    clients(scenario("still_waiting"), 500);
    EXPECT_FALSE(found("time_wait_table_full", 10s));
    sysctl("net.ipv4.tcp_max_tw_buckets", "0");
    EXPECT_FALSE(found("time_wait_table_full", 10s));
}

} // namespace
} // namespace tcpdwell::test

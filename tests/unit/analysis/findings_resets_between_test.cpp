// SPDX-License-Identifier: Apache-2.0
// Resets whose reason lies beside the two ends, or in another connection of the same process.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class ResetsBetween : public CauseFindings {
protected:
    ResetsBetween() { keeps_ports_ = true; }

    /// Both ends of one connection, by the client's port.
    void both(EndedLine server, EndedLine client, int number) {
        server.who.process = process(100, "db");
        server.who.tuple.remote.port = client.who.tuple.local.port =
            static_cast<tcp::Port>(30'000 + number);
        server.line.closed = client.line.closed = at(2s + number * 10ms);
        const bool server_first = number % 2 == 0;
        end(server_first ? server : client);
        end(server_first ? client : server);
    }
    std::string said() {
        const report::Finding* f = found("connections_reset");
        return f ? std::string(f->what) : "nothing";
    }
    std::string advised() { return std::string(found("connections_reset")->advice.front()); }
};

EndedLine reset_from_there(tcp::Role role) {
    return EndedLine(role, ClosedFirst::remote, Ending::reset_received)
        .carried(5, 5)
        .established(4s)
        .idle(3000, 3001);
}

TEST_F(ResetsBetween, both_ends_received_one) {
    for (int i = 0; i < 6; ++i)
        both(reset_from_there(tcp::Role::server), reset_from_there(tcp::Role::client), i);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
    EXPECT_EQ(
        said(),
        "6 of 6 connections of db (pid 100) on 10.0.0.1:80 were reset by something between it and "
        "app (pid 100), having been idle for 3.0 s: both ends are here, and neither sent an "
        "RST (6 RSTs received), all within 50 ms.");
    EXPECT_THAT(advised(), HasSubstr("on the way sent RSTs to both sides"));
    EXPECT_EQ(evidence(*found("connections_reset"), "both_received"), 6);
    EXPECT_EQ(std::get<Nanoseconds>(fact(found("connections_reset")->evidence, "idle_ns")), 3s);
}

TEST_F(ResetsBetween, at_any_time) {
    for (int i = 0; i < 6; ++i)
        both(reset_from_there(tcp::Role::server).idle(1000u * static_cast<unsigned>(i), 9000),
             reset_from_there(tcp::Role::client), i);
    EXPECT_THAT(
        said(),
        HasSubstr("were reset by something between it and app (pid 100): both ends are here"));
}

TEST_F(ResetsBetween, one_end_is_traced) {
    keeps_ports_ = false;
    end(reset_from_there(tcp::Role::client), 6);
    EXPECT_THAT(said(), HasSubstr("6 of 6 connections of app (pid 100) to 10.0.0.1:80 ended by an "
                                  "RST that came when they had been idle for 3.0 s (6 RSTs "
                                  "received), all within"));
    EXPECT_THAT(advised(), HasSubstr("idle limit of a load balancer"));
    EXPECT_THAT(advised(), HasSubstr("one event instead"));
    begin_anew();
    end(reset_from_there(tcp::Role::client).idle(999, 3000), 6);
    EXPECT_THAT(said(), HasSubstr("ended by a reset"));
    end(reset_from_there(tcp::Role::client).idle(5000, 5000), 3);
    end(reset_from_there(tcp::Role::client).idle(9000, 9000), 3);
    EXPECT_THAT(said(), HasSubstr("ended by a reset"));
}

TEST_F(ResetsBetween, an_administrator_ends_sockets) {
    for (int i = 0; i < 6; ++i)
        both(reset_from_there(tcp::Role::server),
             client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::admin_kill)
                 .carried(5, 5),
             i);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
    EXPECT_EQ(found("connections_reset")->severity, report::Severity::info);
    EXPECT_EQ(said(),
              "6 of 6 connections of app (pid 100) to 10.0.0.1:80 were ended by ss -K here (6 RSTs "
              "sent here: admin_kill 6), all within 50 ms.");
    EXPECT_THAT(advised(), HasSubstr("on purpose"));
}

class HungUpOn : public ResetsBetween {
protected:
    /// A proxy of which a client goes, and then it closes its own connection after so long.
    void gives_up(int number, Nanoseconds later, std::uint32_t waited_ms) {
        EndedLine served = served_end(ClosedFirst::remote, Ending::fin)
                               .carried(0, 85)
                               .established(700ms)
                               .stays(CLOSE_WAIT, 2ms)
                               .stays(LAST_ACK, 0ms)
                               .idle(702, 0);
        served.who.tuple.remote.port = static_cast<tcp::Port>(20'000 + number);
        served.line.closed = at(2s + number * 100ms);
        end(served);
        EndedLine asked =
            client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
                .carried(104, 0)
                .stays(FIN_WAIT1, 100ms)
                .stays(FIN_WAIT2, 900ms)
                .idle(waited_ms + 1000, 0);
        asked.who.tuple.local.port = static_cast<tcp::Port>(30'000 + number);
        asked.line.closed = *served.line.closed - 2ms + later + 1s;
        end(asked);
    }
};

TEST_F(HungUpOn, by_clients_that_waited_as_long) {
    for (int i = 0; i < 6; ++i) gives_up(i, 1ms, 700);
    EXPECT_THAT(
        said(),
        HasSubstr(
            "were closed by it after 700 ms without an answer, each when a client of its own had "
            "closed, or half-closed, its connection (6 RSTs sent here: data_after_close 6)"));
    EXPECT_THAT(advised(), HasSubstr("nginx logs 499"));
}

TEST_F(HungUpOn, by_clients_whose_own_ends_show_what_they_had_done) {
    const auto client_goes = [this](int number, tcp::ClosedHow how, Nanoseconds before) {
        EndedLine client = client_end(ClosedFirst::local, Ending::fin)
                               .carried(85, 0)
                               .stays(FIN_WAIT1, 1ms)
                               .stays(FIN_WAIT2, 1ms)
                               .stays(TIME_WAIT, 60s)
                               .closed_how(how);
        client.who.tuple =
            tuple("10.0.0.2", static_cast<tcp::Port>(20'000 + number), "10.0.0.1", 80);
        client.line.closed = at(2s + number * 100ms + 60s);
        client.line.numbers_at = at(2s + number * 100ms - before);
        end(client);
    };
    for (int i = 0; i < 6; ++i) gives_up(i, 1ms, 700);
    for (int i = 0; i < 6; ++i) client_goes(i, tcp::ClosedHow::shutdown, 0ms);
    EXPECT_THAT(said(), HasSubstr("each when a client of its own had half-closed its connection "
                                  "(shutdown()) and still had the socket"));
    EXPECT_EQ(evidence(*found("connections_reset"), "half_closed"), 6);
    EXPECT_THAT(advised(), HasSubstr("proxy_ignore_client_abort"));
    begin_anew();
    for (int i = 0; i < 6; ++i) gives_up(i, 1ms, 700);
    for (int i = 0; i < 6; ++i) client_goes(i, tcp::ClosedHow::close, 1ms);
    EXPECT_THAT(said(), HasSubstr("each when a client of its own had hung up"));
    begin_anew();
    for (int i = 0; i < 6; ++i) gives_up(i, 1ms, 700);
    for (int i = 0; i < 6; ++i) client_goes(i, tcp::ClosedHow::shutdown, 1ms);
    EXPECT_THAT(said(), HasSubstr("each when a client of its own had hung up")) << "close() came";
}

TEST_F(HungUpOn, who_half_closes_and_waits_for_a_while_is_said_to) {
    EndedLine line =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(4, 0)
            .stays(FIN_WAIT1, 40ms)
            .stays(FIN_WAIT2, 1460ms)
            .idle(500, 460)
            .closed_how(tcp::ClosedHow::shutdown);
    keeps_ports_ = true;
    for (tcp::Port port = 1; port <= 6; ++port) {
        line.who.tuple.local.port = port;
        line.line.closed = at(4s + port * 100ms);
        line.line.numbers_at = *line.line.closed - 1s;
        end(line);
    }
    EXPECT_THAT(said(), HasSubstr("were half-closed by it (shutdown()), and closed 50"));
    EXPECT_THAT(said(), HasSubstr("ms after that, before the answers came"));
    EXPECT_THAT(advised(), HasSubstr("once its input has half-closed"));
}

TEST_F(HungUpOn, not_known_where_they_waited_longer) {
    for (int i = 0; i < 6; ++i) gives_up(i, 1ms, 600);
    EXPECT_THAT(said(), HasSubstr("it gave up waiting after 60"));
    EXPECT_THAT(advised(), HasSubstr("it, or a client of its own that hung up (nginx logs 499), "
                                     "gave up waiting after 60"));
}

TEST_F(HungUpOn, nor_where_they_went_at_another_time) {
    for (int i = 0; i < 6; ++i) gives_up(i, i % 2 == 0 ? -1ms : 21ms, 700);
    EXPECT_THAT(said(), HasSubstr("it gave up waiting after 70"));
}

TEST_F(HungUpOn, who_serves_nobody_gave_up_itself) {
    keeps_ports_ = false;
    end(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(104, 0)
            .idle(700, 0),
        6);
    EXPECT_THAT(advised(), HasSubstr("it gave up waiting after 70"));
}

} // namespace
} // namespace tcpdwell::test

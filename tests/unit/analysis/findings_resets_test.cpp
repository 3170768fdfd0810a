// SPDX-License-Identifier: Apache-2.0
// Findings on what ended connections: each from its number and its share on, and nothing else.
#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

const EndedLine kWell = served_end(ClosedFirst::remote, Ending::fin).carried(5, 5).accepted();

/// An RST answered what was sent after so long.
EndedLine reset_when_used(std::uint32_t idle_ms) {
    auto ended = client_end(ClosedFirst::remote, Ending::reset_received).carried(10, 5);
    ended.numbers.unacked = 5;
    return ended.idle(0, idle_ms);
}

/// The cause alone is found, from its number and its share on.
struct CauseCase {
    const char* id;
    EndedLine ended;
    int many;
    int all; ///< of which `many` are still a finding
};

class EachCause : public CauseFindings, public testing::WithParamInterface<CauseCase> {};
class EachShare : public EachCause {}; ///< of those for which a number isn't enough

TEST_P(EachCause, from_its_number_on) {
    end(GetParam().ended, GetParam().many - 1);
    EXPECT_EQ(ids(), std::vector<std::string_view>{});
    end(GetParam().ended);
    EXPECT_EQ(ids(), std::vector<std::string_view>{GetParam().id});
    const report::Finding* f = found(GetParam().id);
    EXPECT_EQ(evidence(*f, "count"), GetParam().many);
    EXPECT_FALSE(f->subject.empty());
    EXPECT_FALSE(f->connections.empty());
    EXPECT_FALSE(f->advice.empty());
}

TEST_P(EachShare, from_its_share_on) {
    EndedLine well = kWell;
    if (GetParam().ended.who.role == tcp::Role::client)
        well = client_end(ClosedFirst::local, Ending::fin).carried(5, 5);
    end(GetParam().ended, GetParam().many);
    end(well, GetParam().all - GetParam().many);
    EXPECT_EQ(ids(), std::vector<std::string_view>{GetParam().id});
    end(well);
    EXPECT_EQ(ids(), std::vector<std::string_view>{});
}

std::vector<CauseCase> cause_cases(bool with_share) {
    std::vector<CauseCase> cases{
        CauseCase{"listener_closed",
                  served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::listener_closed),
                  1, 0},
        CauseCase{"answered_unread",
                  served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                      .carried(100, 900, 50)
                      .accepted(),
                  5, 50},
        CauseCase{"turned_away",
                  served_end(ClosedFirst::local, Ending::fin).established(9ms).accepted(), 5, 50},
        CauseCase{"idle_close_race",
                  served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
                      .carried(5, 5)
                      .idle(2000, 0),
                  3, 300},
        CauseCase{"idle_close_race",
                  client_end(ClosedFirst::remote, Ending::reset_received)
                      .carried(5, 5)
                      .stays(CLOSE_WAIT, 1ms)
                      .idle(0, 2000),
                  3, 300},
        CauseCase{"idle_close_race", reset_when_used(2000), 3, 300},
        CauseCase{"process_died",
                  served_end(ClosedFirst::local, Ending::fin)
                      .carried(5, 5)
                      .closed_how(tcp::ClosedHow::signal, 11),
                  1, 0},
        CauseCase{"half_open_checks", served_end(ClosedFirst::remote, Ending::reset_received), 5,
                  0},
        CauseCase{"connects_refused", client_end(ClosedFirst::none, Ending::refused), 5, 50},
        CauseCase{"connections_reset",
                  served_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5), 5, 50},
        CauseCase{"connections_reset",
                  client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
                      .carried(5, 0),
                  5, 50}};
    if (with_share) std::erase_if(cases, [](const CauseCase& each) { return each.all == 0; });
    return cases;
}

std::string case_name(const testing::TestParamInfo<CauseCase>& info) {
    return std::string(info.param.id) + std::to_string(info.index);
}

INSTANTIATE_TEST_SUITE_P(All, EachCause, testing::ValuesIn(cause_cases(false)), case_name);
INSTANTIATE_TEST_SUITE_P(All, EachShare, testing::ValuesIn(cause_cases(true)), case_name);

TEST_F(CauseFindings, a_signal_of_a_supervisor_is_information) {
    end(served_end(ClosedFirst::local, Ending::fin)
            .carried(5, 5)
            .closed_how(tcp::ClosedHow::signal, 15));
    EXPECT_EQ(found("process_died")->severity, report::Severity::info);
    end(served_end(ClosedFirst::local, Ending::fin)
            .carried(5, 5)
            .closed_how(tcp::ClosedHow::signal, 9));
    EXPECT_EQ(found("process_died")->severity, report::Severity::warning);
}

TEST_F(CauseFindings, a_client_that_exits_is_done) {
    const auto exits = client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                           .carried(5, 5, 1)
                           .closed_how(tcp::ClosedHow::exit);
    end(exits);
    EXPECT_EQ(found("process_died")->severity, report::Severity::info);
    end(EndedLine(exits).closed_how(tcp::ClosedHow::signal, 11));
    EXPECT_EQ(found("process_died")->severity, report::Severity::warning);
}

TEST_F(CauseFindings, a_server_that_exits_leaves_requests) {
    end(served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
            .carried(5, 5, 1)
            .closed_how(tcp::ClosedHow::exit));
    EXPECT_EQ(found("process_died")->severity, report::Severity::warning);
    EXPECT_THAT(std::string(found("process_died")->advice.at(0)), HasSubstr("ended by itself"));
    end(served_end(ClosedFirst::local, Ending::fin)
            .carried(5, 5)
            .closed_how(tcp::ClosedHow::signal, 11));
    EXPECT_THAT(std::string(found("process_died")->advice.at(0)), HasSubstr("segfault"));
}

TEST_F(CauseFindings, resets_on_use_at_any_age_are_no_idle_limit) {
    end(reset_when_used(2000), 6);
    const report::Finding* f = found("idle_close_race");
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what), HasSubstr("On 6 of 6 connections of app (pid 100) to "
                                                "10.0.0.1:80 something was sent after they had "
                                                "been idle for 2.0 s, and answered by an RST"));
    EXPECT_THAT(std::string(f->advice.at(0)), HasSubstr("NATs, firewalls and load balancers"));
    end(reset_when_used(200), 3);
    end(reset_when_used(9000), 3);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
    EXPECT_EQ(evidence(*found("connections_reset"), "reset_received"), 12);
}

TEST_F(CauseFindings, a_server_that_says_why_it_closes_was_not_idle) {
    auto ended = served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
                     .carried(5, 5)
                     .stays(FIN_WAIT1, 1ms)
                     .stays(FIN_WAIT2, 3s)
                     .idle(3001, 0);
    ended.established(1s);
    end(ended, 3);
    const report::Finding* f = found("idle_close_race");
    ASSERT_TRUE(f);
    EXPECT_THAT(std::string(f->what),
                HasSubstr("closed connections on which it had just sent something, and on 3 of 3 "
                          "connections the client sent something after that"));
    EXPECT_THAT(std::string(f->advice.at(0)), HasSubstr("its log says why it closed"));
}

TEST_F(CauseFindings, checks_come_one_by_one) {
    keeps_ports_ = true; // all at the same time
    end(served_end(ClosedFirst::remote, Ending::reset_received), 10);
    EXPECT_FALSE(found("half_open_checks"));
}

TEST_F(CauseFindings, the_idle_limit_is_named) {
    end(served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 5)
            .idle(2000, 0),
        7);
    const report::Finding* f = found("idle_close_race");
    EXPECT_THAT(std::string(f->what), HasSubstr("idle for 2.0 s"));
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "idle_ns")), 2s);
    EXPECT_THAT(std::string(f->advice.at(0)), HasSubstr("which is 2.0 s here"));
}

TEST_F(CauseFindings, checks_that_get_an_answer_are_none) {
    end(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(5, 5),
        10);
    EXPECT_FALSE(found("connections_reset"));
}

/// As proxies close to their servers: the answer had come, and nothing was on its way.
TEST_F(CauseFindings, and_at_the_same_time_nothing_is_lost_either) {
    keeps_ports_ = true;
    end(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(5, 5),
        10);
    EXPECT_EQ(ids(), std::vector<std::string_view>{});
}

TEST_F(CauseFindings, clients_that_give_up_have_time_outs) {
    end(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 0)
            .idle(2000, 0),
        7);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
    EXPECT_THAT(std::string(found("connections_reset")->advice.at(0)), HasSubstr("time-out"));
}

TEST_F(CauseFindings, the_client_knows_the_age_of_the_close_only) {
    end(client_end(ClosedFirst::remote, Ending::reset_received)
            .carried(5, 5)
            .stays(CLOSE_WAIT, 400ms)
            .idle(0, 400),
        7);
    const report::Finding* f = found("idle_close_race");
    EXPECT_THAT(std::string(f->what), HasSubstr("something was sent 400 ms after the server"));
    EXPECT_THAT(std::string(f->advice.at(0)), Not(HasSubstr("400 ms")));
}

/// Both ends here: the cause counts where it lies, and its consequence nowhere.
TEST_F(CauseFindings, of_two_ends_the_one_that_caused_it) {
    keeps_ports_ = true;
    for (const bool client_first : {true, false}) {
        for (int i = 0; i < 6; ++i) {
            EndedLine server =
                served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                    .carried(100, 900, 50)
                    .accepted();
            EndedLine client =
                client_end(ClosedFirst::remote, Ending::reset_received).carried(900, 100);
            server.who.tuple.remote.port = client.who.tuple.local.port =
                static_cast<tcp::Port>(30'000 + 10 * i + client_first);
            end(client_first ? client : server);
            end(client_first ? server : client);
        }
    }
    EXPECT_EQ(ids(), std::vector<std::string_view>{"answered_unread"});
    EXPECT_EQ(evidence(*found("answered_unread"), "count"), 12);
    EXPECT_FALSE(has_fact(found("answered_unread")->evidence, "translated"));
}

/// Behind a DNAT the server has another address than the client connects to.
TEST_F(CauseFindings, through_address_translation_by_the_clients_port) {
    keeps_ports_ = true;
    for (int i = 0; i < 12; ++i) {
        EndedLine server =
            served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                .carried(100, 900, 50)
                .accepted();
        EndedLine client =
            client_end(ClosedFirst::remote, Ending::reset_received).carried(900, 100);
        client.who.tuple.remote = {address("10.96.0.1"), 443};
        server.who.tuple.remote.port = client.who.tuple.local.port =
            static_cast<tcp::Port>(30'000 + i);
        end(i % 2 == 0 ? client : server);
        end(i % 2 == 0 ? server : client);
    }
    EXPECT_EQ(ids(), std::vector<std::string_view>{"answered_unread"});
    EXPECT_EQ(evidence(*found("answered_unread"), "count"), 12);
    EXPECT_EQ(evidence(*found("answered_unread"), "translated"), 12);
}

/// The client's end shows that it awaited no answer.
TEST_F(CauseFindings, a_closing_message_that_meets_the_close_is_no_race) {
    keeps_ports_ = true;
    for (const bool client_first : {true, false}) {
        for (int i = 0; i < 6; ++i) {
            EndedLine server =
                served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
                    .carried(5, 5)
                    .idle(2000, 0);
            EndedLine client = client_end(ClosedFirst::remote, Ending::reset_received)
                                   .carried(10, 5)
                                   .stays(CLOSE_WAIT, 2s)
                                   .stays(LAST_ACK, 1ms)
                                   .idle(0, 2001);
            client.numbers.unacked = 5;
            server.who.tuple.remote.port = client.who.tuple.local.port =
                static_cast<tcp::Port>(30'000 + 10 * i + client_first);
            end(client_first ? client : server);
            end(client_first ? server : client);
        }
    }
    EXPECT_EQ(ids(), std::vector<std::string_view>{});
    end(served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 5)
            .idle(2000, 0),
        3);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"idle_close_race"}) << "here it isn't known";
}

TEST_F(CauseFindings, too_late_to_be_the_other_end) {
    keeps_ports_ = true;
    for (int i = 0; i < 6; ++i) {
        EndedLine server =
            served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                .carried(100, 900, 50)
                .accepted();
        EndedLine client = client_end(ClosedFirst::remote, Ending::reset_received).carried(9, 9);
        server.who.tuple.remote.port = client.who.tuple.local.port =
            static_cast<tcp::Port>(30'000 + i);
        client.line.closed = *server.line.closed + 5s + 1ns;
        end(server);
        end(client);
    }
    EXPECT_EQ(ids(), (std::vector<std::string_view>{"answered_unread", "connections_reset"}));
}

TEST_F(CauseFindings, a_socket_connected_to_itself) {
    EndedLine own = client_end(ClosedFirst::local, Ending::fin);
    own.who.tuple.remote = own.who.tuple.local;
    EXPECT_FALSE(found("self_connected"));
    EndedLine next = own;
    next.who.id = own.who.id + 1;
    next.who.slot = own.who.slot + 1;
    next.who.process = process(101, "app");
    own.who.is_bound = true;
    // Known from its transition, however it ends.
    for (const bool has_another : {false, true}) {
        analysis::ReportMaker maker({}, at(0s));
        for (const track::ConnectionIdentity* who : {&own.who, &next.who}) {
            if (who == &next.who && !has_another) continue;
            maker.on_move({at(1s), who, std::nullopt, ESTABLISHED, true});
            maker.on_transition({at(1s), who, SYN_RECV, ESTABLISHED, 1ms});
        }
        struct Nobody : track::TrackerListener {
            void on_transition(const track::TransitionLine&) override {}
            void on_connection(const track::ConnectionLine&) override {}
            void on_lost(const track::LostLine&) override {}
        } nobody;
        const track::Tracker tracker(nobody, {});
        const analysis::HostFacts host;
        const report::Report report = maker.make(tracker, {}, host, synth::kTestClock, {}, at(10s));
        const report::Finding* f = finding(report, "self_connected");
        ASSERT_TRUE(f);
        EXPECT_THAT(
            std::string(f->what),
            HasSubstr(has_another
                          ? "2 sockets of app have connected to themselves (10.0.0.2:50000): "
                            "nobody listened there, and connect() chose that very port"
                          : "1 socket of app (pid 100) has connected to itself (10.0.0.2:50000): "
                            "nobody listened there, and the program had bound that very port"));
        EXPECT_THAT(advice(*f), HasSubstr(has_another ? "The port lies in" : "bind() another"));
    }
}

TEST_F(CauseFindings, of_many_that_died_some_are_known) {
    EndedLine killed = served_end(ClosedFirst::local, Ending::fin).carried(5, 5);
    killed.closed_how(tcp::ClosedHow::signal, 9);
    for (std::uint32_t pid = 100; pid < 120; ++pid) {
        killed.who.closed_by = process(pid, "app");
        end(killed);
    }
    EXPECT_THAT(std::string(found("process_died")->what),
                HasSubstr("ended because at least 16 processes died (signal 9)"));
}

} // namespace
} // namespace tcpdwell::test

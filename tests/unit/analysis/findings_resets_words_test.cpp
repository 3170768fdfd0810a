// SPDX-License-Identifier: Apache-2.0
// What findings on the ends of connections say: their words, their advice, and how severe they are.
#include <set>

#include "cause_findings.h"

namespace tcpdwell::test {
namespace {

class ResetWords : public CauseFindings {
protected:
    std::string said(std::string_view id) {
        const report::Finding* f = found(id);
        return f ? std::string(f->what) : "nothing of " + std::string(id);
    }
    std::string advised() {
        const report::Finding* f = found("connections_reset");
        return f ? std::string(f->advice.front()) : "nothing";
    }
};

EndedLine reset_by_server(EndingDetail detail) {
    return served_end(ClosedFirst::local, Ending::reset_sent, detail).carried(0, 5);
}
EndedLine killed_by(std::uint8_t signal) {
    return served_end(ClosedFirst::local, Ending::fin)
        .carried(5, 5)
        .closed_how(tcp::ClosedHow::signal, signal);
}

TEST_F(ResetWords, where_most_resets_were_received_the_advice_is_to_trace_there) {
    end(served_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5), 5);
    EXPECT_THAT(advised(), HasSubstr("it can't be seen who resets"));
    end(reset_by_server(EndingDetail::unread_data), 4);
    EXPECT_THAT(advised(), HasSubstr("it can't be seen who resets"));
    end(reset_by_server(EndingDetail::unread_data));
    EXPECT_THAT(advised(), HasSubstr("close() with data unread sends an RST"));
}

TEST_F(ResetWords, counts_and_details_are_in_the_sentence) {
    end(served_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5), 2);
    end(reset_by_server(EndingDetail::unread_data), 3);
    EXPECT_EQ(said("connections_reset"),
              "3 of 5 connections of app (pid 100) on 10.0.0.1:80 were closed by it with data "
              "unread, for which close() sends an RST; 2 more ended by a reset (3 RSTs sent here: "
              "unread_data 3; 2 "
              "received), all within 80 ms.");
    const report::Finding* f = found("connections_reset");
    EXPECT_EQ(evidence(*f, "count"), 5);
    EXPECT_EQ(std::get<double>(fact(f->evidence, "share")), 1.0);
    EXPECT_EQ(evidence(*f, "reset_sent"), 3);
    EXPECT_EQ(evidence(*f, "reset_received"), 2);
    EXPECT_EQ(evidence(*f, "unread_data"), 3);
}

/// The advice is about what at least half of the resets that were sent here have in common.
TEST_F(ResetWords, the_advice_is_on_half_of_them) {
    struct Case {
        EndingDetail detail;
        const char* advice;
    };
    for (const auto& [detail, text] :
         {Case{EndingDetail::unread_data, "close() with data unread"},
          Case{EndingDetail::data_after_close, "The peer still sent data after close()"},
          Case{EndingDetail::so_linger_zero, "SO_LINGER with a time of 0"}}) {
        begin_anew();
        end(reset_by_server(detail), 4);
        end(reset_by_server(EndingDetail::none), 4);
        EXPECT_THAT(advised(), HasSubstr(text)) << name(detail);
        end(reset_by_server(EndingDetail::none));
        EXPECT_THAT(advised(), HasSubstr("This side resets; trace")) << name(detail);
    }
}

TEST_F(ResetWords, the_patience_of_clients_is_named_where_it_is_always_the_same) {
    const auto gives_up = [&](EndingDetail detail, std::uint32_t after_ms) {
        return client_end(ClosedFirst::local, Ending::reset_sent, detail)
            .carried(5, 0)
            .idle(after_ms, 0);
    };
    for (const EndingDetail detail :
         {EndingDetail::data_after_close, EndingDetail::so_linger_zero}) {
        begin_anew();
        end(gives_up(detail, 2000), 6);
        EXPECT_THAT(advised(), HasSubstr("after 2.0 s")) << name(detail);
        end(gives_up(detail, 200), 3);
        end(gives_up(detail, 9000), 3);
        EXPECT_THAT(advised(), Not(HasSubstr("after 2.0 s"))) << name(detail);
    }
    EXPECT_THAT(advised(), HasSubstr("SO_LINGER with a time of 0"));
    begin_anew();
    end(gives_up(EndingDetail::so_linger_zero, 99), 6);
    EXPECT_THAT(advised(), HasSubstr("SO_LINGER with a time of 0"));
    begin_anew();
    end(reset_by_server(EndingDetail::so_linger_zero).idle(2000, 0), 6);
    EXPECT_THAT(advised(), HasSubstr("SO_LINGER with a time of 0")) << "a server's";
}

TEST_F(ResetWords, little_that_was_unread_may_be_the_next_request) {
    const auto unread = [](std::uint32_t bytes) {
        return served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
            .carried(500, 9000, bytes)
            .accepted();
    };
    end(unread(4095), 5);
    EXPECT_THAT(std::string(found("answered_unread")->advice.front()),
                HasSubstr("No more than 4095 bytes were unread"));
    end(unread(4096));
    EXPECT_THAT(std::string(found("answered_unread")->advice.front()),
                HasSubstr("The server refuses what it is sent"));
}

TEST_F(ResetWords, who_skips_a_time_wait_without_harm_is_not_advised_to_change) {
    auto check = client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
                     .carried(5, 5);
    end(check, 20);
    const report::Finding* f = found("time_wait_skipped");
    ASSERT_TRUE(f);
    EXPECT_EQ(f->severity, report::Severity::info);
    EXPECT_EQ(f->advice.size(), 1u);
    EXPECT_THAT(std::string(f->advice.front()), HasSubstr("nothing is lost"));
    end(check.carried(5, 5, 1));
    f = found("time_wait_skipped");
    EXPECT_EQ(f->severity, report::Severity::warning);
    EXPECT_THAT(std::string(f->advice.front()), HasSubstr("Remove it"));
}

TEST_F(ResetWords, time_outs_are_those_of_clients) {
    const auto gives_up = [&](EndingDetail detail) {
        return client_end(ClosedFirst::local, Ending::reset_sent, detail).carried(5, 0);
    };
    end(gives_up(EndingDetail::data_after_close), 4);
    end(gives_up(EndingDetail::none), 4);
    EXPECT_THAT(advised(), HasSubstr("it gave up waiting"));
    end(gives_up(EndingDetail::none));
    EXPECT_THAT(advised(), HasSubstr("This side resets; trace"));
}

TEST_F(ResetWords, over_which_time_they_are_spread) {
    keeps_ports_ = true;
    EndedLine ended =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::listener_closed);
    const auto closed_at = [&](Nanoseconds when) {
        ended.line.closed = at(when);
        end(ended);
        return said("listener_closed");
    };
    EXPECT_EQ(closed_at(2s),
              "1 connection of app (pid 100) on 10.0.0.1:80 was reset in the accept queue, because "
              "a listening socket was closed: the clients believed that they were connected.");
    EXPECT_THAT(closed_at(2s + 1ms - 1ns), HasSubstr("2 connections of app (pid 100) on "
                                                     "10.0.0.1:80 were reset in the accept queue, "
                                                     "because a listening socket was closed, all "
                                                     "at once:"));
    EXPECT_THAT(closed_at(2s + 1ms), HasSubstr(", all within 1 ms:"));
}

TEST_F(ResetWords, a_program_of_several_processes_is_named_without_a_pid) {
    EndedLine ended =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::listener_closed);
    end(ended);
    EXPECT_THAT(said("listener_closed"), HasSubstr("of app (pid 100) on 10.0.0.1:80 "));
    ended.who.process = process(101, "app");
    end(ended);
    EXPECT_THAT(said("listener_closed"), HasSubstr("of app on 10.0.0.1:80 "));
}

TEST_F(ResetWords, a_program_of_another_pid_namespace_is_named_without_a_pid) {
    EndedLine ended = client_end(ClosedFirst::none, Ending::refused);
    ended.who.process = process(0, "app");
    end(ended, 5);
    EXPECT_THAT(said("connects_refused"),
                HasSubstr("5 of 5 connects of app to 10.0.0.1:80 were refused"));
}

TEST_F(ResetWords, who_closed_the_listener_is_named_if_it_was_one_process) {
    EndedLine ended =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::listener_closed);
    ended.who.closed_by = process(7, "master");
    end(ended);
    EXPECT_THAT(said("listener_closed"),
                HasSubstr("a listening socket was closed by master (pid 7):"));
    ended.who.closed_by = process(8, "master");
    end(ended);
    EXPECT_THAT(said("listener_closed"), HasSubstr("a listening socket was closed, all within"));
}

TEST_F(ResetWords, who_died_is_named_with_the_signals) {
    end(killed_by(9));
    EXPECT_THAT(said("process_died"), HasSubstr("because app (pid 100) died (signal 9)."));
    EndedLine other = killed_by(15);
    other.who.process = process(101, "app");
    other.who.closed_by = other.who.process;
    end(other);
    EXPECT_THAT(said("process_died"),
                HasSubstr("because 2 processes died (signal 9, signal 15), all"));
    EXPECT_EQ(std::get<std::string_view>(fact(found("process_died")->evidence, "signals")),
              "signal 9, signal 15");
}

TEST_F(ResetWords, who_died_is_not_who_serves_now) {
    EndedLine healthy = served_end(ClosedFirst::remote, Ending::fin).carried(5, 5);
    healthy.who.process = process(101, "app");
    end(healthy);
    end(killed_by(11));
    for (const char* key : {"process", "died"}) {
        const auto& named =
            std::get<report::HolderList>(fact(found("process_died")->evidence, key));
        ASSERT_EQ(named.processes.size(), 1u) << key;
        EXPECT_EQ(named.processes[0].pid, 100u) << key;
    }
}

/// SIGHUP, SIGINT, SIGPIPE and SIGTERM are how processes are ended on purpose.
TEST_F(ResetWords, all_other_signals_are_a_warning) {
    const std::set<int> on_purpose = {1, 2, 13, 15};
    for (int signal = 1; signal < 65; ++signal) {
        begin_anew();
        end(killed_by(static_cast<std::uint8_t>(signal)));
        const report::Finding* f = found("process_died");
        ASSERT_TRUE(f) << signal;
        const bool meant = on_purpose.contains(signal);
        EXPECT_EQ(f->severity, meant ? report::Severity::info : report::Severity::warning)
            << signal;
        EXPECT_THAT(advice(*f), HasSubstr(meant ? "finish its connections first" : "dmesg"))
            << signal;
    }
}

class IdleLimit : public ResetWords {
protected:
    /// By a server that closed after these times of silence.
    std::string closed_after(std::initializer_list<std::uint32_t> milliseconds,
                             Nanoseconds apart = 1s) {
        begin_anew();
        keeps_ports_ = true;
        Nanoseconds closed = 2s;
        for (const std::uint32_t each : milliseconds) {
            EndedLine line =
                served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
                    .carried(5, 5)
                    .idle(each, 0);
            line.who.tuple.remote.port = static_cast<tcp::Port>(20'000 + each % 10'000);
            line.line.closed = at(closed);
            closed += apart;
            end(line);
        }
        return said("idle_close_race");
    }
};

TEST_F(IdleLimit, lies_within_a_fifth_of_a_second) {
    EXPECT_THAT(closed_after({300, 500, 700}), HasSubstr("that had been idle for 501 ms,"));
    EXPECT_THAT(closed_after({300, 500, 701}),
                HasSubstr("that had been idle for some time, about 501 ms,"));
}

TEST_F(IdleLimit, or_within_a_tenth) {
    EXPECT_THAT(closed_after({60'000, 64'000, 70'000}), HasSubstr("that had been idle for 64."));
    EXPECT_THAT(closed_after({57'000, 64'000, 70'600}), HasSubstr("idle for some time, about 64."));
}

TEST_F(IdleLimit, has_its_range_in_the_evidence) {
    closed_after({1000, 2000, 3000});
    const report::Finding* f = found("idle_close_race");
    ASSERT_TRUE(f);
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "idle_min_ns")), 1s);
    EXPECT_EQ(std::get<Nanoseconds>(fact(f->evidence, "idle_max_ns")), 3s);
    EXPECT_THAT(
        said("idle_close_race"),
        HasSubstr("and on 3 of 3 connections the client sent something after that, all within "
                  "2.0 s: an RST answered it, and if it was a request, it is lost."));
}

TEST_F(IdleLimit, does_not_close_at_one_moment_what_has_been_idle_for_any_time) {
    EXPECT_THAT(closed_after({143, 190, 290}, 100us),
                HasSubstr("closed connections at one moment (within 1 ms), which had been idle for "
                          "143 ms to 290 ms, and on 3 of 3 the client sent something after that"));
    EXPECT_THAT(advice(*found("idle_close_race")), HasSubstr("No idle limit closes so"));
    // As the server looks for idle connections now and then.
    EXPECT_THAT(closed_after({1000, 1100, 1400}, 100us), HasSubstr("that had been idle for 1.1 s"));
    EXPECT_THAT(closed_after({143, 190, 290}, 40ms), HasSubstr("that had been idle for 19"));
}

TEST_F(ResetWords, only_a_limit_is_named_in_the_advice) {
    const auto closed =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 5);
    end(EndedLine(closed).idle(1000, 0), 3);
    EXPECT_THAT(advice(*found("idle_close_race")), HasSubstr("which is 1.0 s here"));
    end(EndedLine(closed).idle(9000, 0), 4);
    EXPECT_THAT(advice(*found("idle_close_race")), Not(HasSubstr(" here")));
}

TEST_F(ResetWords, a_time_out_for_reading_requests) {
    end(served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(0, 10)
            .idle(1000, 0),
        6);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
    EXPECT_EQ(found("connections_reset")->severity, report::Severity::warning);
    EXPECT_THAT(advised(),
                HasSubstr("This server closed after 1.0 s without having sent anything"));
    begin_anew();
    end(client_end(ClosedFirst::remote, Ending::reset_received)
            .carried(10, 0)
            .stays(CLOSE_WAIT, 500ms)
            .idle(0, 500),
        6);
    EXPECT_THAT(advised(), HasSubstr("The server had closed without having sent anything"));
}

TEST_F(ResetWords, a_server_that_closes_what_is_in_use) {
    EndedLine met = client_end(ClosedFirst::remote, Ending::reset_received)
                        .carried(10, 50)
                        .stays(CLOSE_WAIT, 1ms)
                        .idle(0, 4);
    met.numbers.unacked = 5;
    end(met, 6);
    EXPECT_THAT(std::string(found("connections_reset")->what),
                HasSubstr("were closed by 10.0.0.1:80 at about the time when something was sent "
                          "to it, and an RST answered that"));
    EXPECT_THAT(advised(), HasSubstr("Give up idle connections before the server does"));
    EXPECT_THAT(advised(), Not(HasSubstr("From here it can't be seen")));
    EndedLine open = client_end(ClosedFirst::remote, Ending::reset_received).carried(10, 50);
    open.numbers.unacked = 5;
    end(open, 5);
    EXPECT_THAT(advised(), HasSubstr("Give up idle connections before the server does"));
    end(EndedLine(met).idle(8, 4), 2); // most are others
    EXPECT_THAT(advised(), HasSubstr("From here it can't be seen"));
}

/// Answered, closed at once, and long after that a close_notify.
TEST_F(ResetWords, a_late_closing_message_is_information) {
    EndedLine closed =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 5)
            .stays(FIN_WAIT1, 1ms)
            .stays(FIN_WAIT2, 1s)
            .idle(1, 0);
    EndedLine met = client_end(ClosedFirst::remote, Ending::reset_received)
                        .carried(10, 5)
                        .stays(CLOSE_WAIT, 1s)
                        .idle(0, 1000);
    met.states.at(1).dwell = 5ms;
    for (const EndedLine& each : {closed, met}) {
        begin_anew();
        end(each, 6);
        EXPECT_EQ(ids(), std::vector<std::string_view>{"connections_reset"});
        EXPECT_EQ(found("connections_reset")->severity, report::Severity::info);
        EXPECT_THAT(said("connections_reset"),
                    HasSubstr("soon after the opening, having sent its answer"));
        EXPECT_THAT(advised(), HasSubstr("nothing is lost"));
    }
}

TEST_F(ResetWords, who_turns_away_with_a_reason) {
    const auto away = served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                          .carried(36, 6, 6)
                          .established(1ms)
                          .accepted();
    end(away, 5);
    EXPECT_EQ(ids(), std::vector<std::string_view>{"turned_away"});
    EXPECT_EQ(said("turned_away"),
              "app (pid 100) on 10.0.0.1:80 closed 5 of 5 connections at once after accept(), "
              "having read nothing and sent no more than 36 bytes, all within 80 ms: it turns "
              "clients away, or answers without reading what they send.");
    end(served_end(ClosedFirst::remote, Ending::fin).carried(5, 5).accepted());
    EXPECT_THAT(said("turned_away"), HasSubstr("80 ms: it turns clients away."));
    EXPECT_THAT(advice(*found("turned_away")), HasSubstr("may never see the reason"));
}

TEST_F(ResetWords, answers_that_may_be_lost) {
    end(served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
            .carried(100, 900, 50)
            .accepted(),
        5);
    EXPECT_THAT(said("answered_unread"),
                HasSubstr("app (pid 100) on 10.0.0.1:80 answered and then closed 5 of 5 "
                          "connections with data unread, all within 80 ms:"));
}

} // namespace
} // namespace tcpdwell::test

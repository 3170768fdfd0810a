// SPDX-License-Identifier: Apache-2.0
// What ended a connection: each cause with a neighbour that isn't it.
#include "analysis/end_cause.h"

#include <gtest/gtest.h>

#include "ended_line.h"

namespace tcpdwell::test {
namespace {

TEST(EndCauseOf, what_ended_well_is_none) {
    EXPECT_EQ(served_end(ClosedFirst::local, Ending::fin).carried(5, 5).accepted().cause(),
              EndCause::none);
    EXPECT_EQ(client_end(ClosedFirst::none, Ending::open).cause(), EndCause::none);
    EXPECT_EQ(client_end(ClosedFirst::none, Ending::connect_failed, EndingDetail::no_port).cause(),
              EndCause::none);
    EXPECT_EQ(
        served_end(ClosedFirst::none, Ending::handshake_failed, EndingDetail::admin_kill).cause(),
        EndCause::none);
}

TEST(EndCauseOf, connects) {
    EXPECT_EQ(client_end(ClosedFirst::none, Ending::refused).cause(), EndCause::refused);
    EXPECT_EQ(client_end(ClosedFirst::none, Ending::connect_failed, EndingDetail::given_up).cause(),
              EndCause::unanswered);
    EXPECT_EQ(client_end(ClosedFirst::none, Ending::timed_out, EndingDetail::keepalive).cause(),
              EndCause::peer_gone);
}

TEST(EndCauseOf, death_is_by_a_signal_or_with_data_unread) {
    const auto killed = served_end(ClosedFirst::local, Ending::fin)
                            .carried(5, 5)
                            .closed_how(tcp::ClosedHow::signal, 9);
    EXPECT_EQ(EndedLine(killed).cause(), EndCause::process_died);
    EndedLine second = killed;
    second.line.closed_first = ClosedFirst::remote; // nothing was cut off
    EXPECT_EQ(second.cause(), EndCause::none);
    EXPECT_EQ(served_end(ClosedFirst::local, Ending::fin)
                  .carried(5, 5)
                  .closed_how(tcp::ClosedHow::exit)
                  .cause(),
              EndCause::none);
    EXPECT_EQ(served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                  .carried(5, 5, 1)
                  .closed_how(tcp::ClosedHow::exit)
                  .cause(),
              EndCause::process_died);
}

TEST(EndCauseOf, a_client_that_exits_leaves_answers_on_their_way) {
    const auto away =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 5);
    EXPECT_EQ(EndedLine(away).closed_how(tcp::ClosedHow::exit).cause(), EndCause::process_died);
    EXPECT_EQ(EndedLine(away).closed_how(tcp::ClosedHow::close).cause(), EndCause::reset_here);
}

TEST(EndCauseOf, a_server_that_exits_meets_requests) {
    const auto served =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 5)
            .idle(3000, 0)
            .closed_how(tcp::ClosedHow::exit);
    EXPECT_EQ(EndedLine(served).cause(), EndCause::process_died);
    EXPECT_EQ(EndedLine(served).closed_how(tcp::ClosedHow::close).cause(), EndCause::idle_close);
    EndedLine forked = served;
    forked.who.closed_by = process(101, "app");
    EXPECT_EQ(forked.cause(), EndCause::idle_close) << "a process for each connection";
    EndedLine joined = served;
    joined.line.seen = tcp::Seen::joined;
    EXPECT_EQ(joined.cause(), EndCause::idle_close) << "it may be one of those";
    for (auto who : {&track::ConnectionIdentity::process, &track::ConnectionIdentity::closed_by}) {
        EndedLine unknown = served;
        (unknown.who.*who).reset();
        EXPECT_EQ(unknown.cause(), EndCause::idle_close);
    }
    EndedLine answered = served;
    answered.line.detail = EndingDetail::none;
    EXPECT_EQ(answered.cause(), EndCause::reset_here);
}

TEST(EndCauseOf, checks_are_short_and_without_data) {
    const auto check = served_end(ClosedFirst::remote, Ending::reset_received);
    EXPECT_EQ(EndedLine(check).cause(), EndCause::half_open_check);
    EXPECT_EQ(EndedLine(check).carried(0, 1).cause(), EndCause::reset_there);
    EndedLine late = check;
    late.states.back().dwell = 1s;
    EXPECT_EQ(late.cause(), EndCause::reset_there);
    EndedLine forgotten = check;
    forgotten.states.push_back({CLOSE_WAIT, 999ms});
    EXPECT_EQ(forgotten.cause(), EndCause::half_open_check);
    forgotten.states.back().dwell = 1s;
    EXPECT_EQ(forgotten.cause(), EndCause::reset_there);
    EXPECT_EQ(
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero).cause(),
        EndCause::half_open_check);
    EXPECT_EQ(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
                  .carried(1, 0)
                  .cause(),
              EndCause::lingered);
    const auto reset =
        served_end(ClosedFirst::none, Ending::handshake_failed, EndingDetail::reset_received);
    EXPECT_EQ(EndedLine(reset).cause(), EndCause::half_open_check);
    EndedLine slow = reset;
    slow.states = {{SYN_RECV, 199ms}};
    EXPECT_EQ(slow.cause(), EndCause::half_open_check);
    slow.states = {{SYN_RECV, 200ms}};
    EXPECT_EQ(slow.cause(), EndCause::never_completed) << "its client may have given up before";
    for (const EndingDetail detail :
         {EndingDetail::timeout, EndingDetail::reset_sent, EndingDetail::none})
        EXPECT_EQ(served_end(ClosedFirst::none, Ending::handshake_failed, detail).cause(),
                  EndCause::never_completed);
    EXPECT_EQ(
        served_end(ClosedFirst::none, Ending::handshake_failed, EndingDetail::admin_kill).cause(),
        EndCause::none);
}

TEST(EndCauseOf, turning_away_is_by_the_server_at_once_after_accept) {
    const auto away = served_end(ClosedFirst::local, Ending::fin).established(99ms).accepted();
    EXPECT_EQ(EndedLine(away).cause(), EndCause::turned_away);
    EndedLine late = away;
    late.states.back().dwell = 100ms;
    EXPECT_EQ(late.cause(), EndCause::none) << "it may have waited for a request";
    late.line.accept->delay = 2ms;
    EXPECT_EQ(late.cause(), EndCause::turned_away) << "it was accepted late";
    EXPECT_EQ(EndedLine(away).carried(1, 0).cause(), EndCause::none);
    EXPECT_EQ(EndedLine(away).carried(0, 1).cause(), EndCause::none);
    EXPECT_EQ(EndedLine(away).carried(0, 27, 26).cause(), EndCause::none) << "it read a byte";
    EndedLine unread = served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                           .established(1ms)
                           .accepted()
                           .carried(0, 27, 27);
    EXPECT_EQ(unread.cause(), EndCause::turned_away) << "what had come was left unread";
    EXPECT_EQ(EndedLine(unread).carried(1, 27, 26).cause(), EndCause::answered_unread);
    EXPECT_EQ(EndedLine(away).accepted(false).cause(), EndCause::none);
    EndedLine by_client = away;
    by_client.line.closed_first = ClosedFirst::remote;
    EXPECT_EQ(by_client.cause(), EndCause::none);
    EndedLine unknown = away;
    unknown.numbers = {};
    EXPECT_EQ(unknown.cause(), EndCause::none) << "without numbers";
}

TEST(EndCauseOf, a_client_hangs_up_when_it_has_its_answer) {
    const auto check =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(100, 200);
    EXPECT_EQ(EndedLine(check).cause(), EndCause::hung_up);
    EXPECT_EQ(EndedLine(check).carried(100, 0).cause(), EndCause::lingered) << "no answer";
    EXPECT_EQ(EndedLine(check).carried(100, 200, 1).cause(), EndCause::lingered) << "unread";
    EndedLine late = check;
    late.states.back().dwell = 1s;
    EXPECT_EQ(late.cause(), EndCause::lingered);
    for (auto number : {&event::SocketNumbers::unsent, &event::SocketNumbers::unacked}) {
        EndedLine busy = check;
        busy.numbers.*number = 1;
        EXPECT_EQ(busy.cause(), EndCause::lingered);
    }
    EXPECT_EQ(served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
                  .carried(200, 100)
                  .cause(),
              EndCause::lingered)
        << "a server's answer may be lost by it";
}

TEST(EndCauseOf, an_answer_before_the_upload_was_read) {
    const auto refused =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data);
    EXPECT_EQ(EndedLine(refused).carried(100, 9000, 500).cause(), EndCause::answered_unread);
    EXPECT_EQ(EndedLine(refused).carried(0, 9000, 500).cause(), EndCause::reset_here);
    EXPECT_EQ(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                  .carried(100, 9000, 500)
                  .cause(),
              EndCause::discarded)
        << "a client's";
}

TEST(EndCauseOf, an_idle_close_was_idle_before_the_close) {
    const auto closer =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 5)
            .stays(FIN_WAIT1, 1ms)
            .stays(FIN_WAIT2, 999ms);
    EXPECT_EQ(EndedLine(closer).idle(3000, 0).cause(), EndCause::idle_close);
    EXPECT_EQ(analysis::idle_before_close(EndedLine(closer).idle(3000, 0).get()), 2s);
    EXPECT_EQ(EndedLine(closer).idle(1049, 0).cause(), EndCause::reset_here) << "49 ms";
    EndedLine late = EndedLine(closer).idle(1049, 0);
    late.states.back().dwell = 1s;
    EXPECT_EQ(late.cause(), EndCause::late_word) << "no rest of what was on its way";
    late.states.at(1).dwell = 1s;
    EXPECT_EQ(late.cause(), EndCause::idle_close) << "long enough to have been idle";
    EndedLine by_mini = EndedLine(closer).idle(2001, 0);
    by_mini.line.numbers_at = *by_mini.line.closed - 999ms; // nothing is read of a mini-socket
    EXPECT_EQ(analysis::idle_before_close(by_mini.get()), 2s);
    by_mini.line.numbers_at = *by_mini.line.closed - 5s; // before the close
    EXPECT_EQ(analysis::idle_before_close(by_mini.get()), 2001ms);
    EXPECT_EQ(EndedLine(closer).cause(), EndCause::reset_here) << "not known";

    const auto met = client_end(ClosedFirst::remote, Ending::reset_received)
                         .carried(5, 5)
                         .stays(CLOSE_WAIT, 1ms);
    EXPECT_EQ(EndedLine(met).idle(1, 2001).cause(), EndCause::met_idle_close);
    EXPECT_EQ(analysis::idle_before_close(EndedLine(met).idle(1, 2001).get()), 2s);
    EXPECT_EQ(EndedLine(met).idle(1, 50).cause(), EndCause::reset_there) << "all was acknowledged";
    EXPECT_EQ(
        client_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5).idle(1, 2001).cause(),
        EndCause::reset_there)
        << "reset in ESTABLISHED: the peer had not closed";

    const auto forgotten =
        client_end(ClosedFirst::remote, Ending::reset_received).carried(10, 5).idle(1, 2001);
    EXPECT_EQ(EndedLine(forgotten).cause(), EndCause::reset_there) << "it was acknowledged";
    EndedLine unacked = forgotten;
    unacked.numbers.unacked = 5;
    EXPECT_EQ(EndedLine(unacked).cause(), EndCause::reset_idle);
    EXPECT_EQ(EndedLine(unacked).idle(1, 50).cause(), EndCause::reset_there) << "not idle";
    EndedLine unknown = unacked;
    unknown.numbers.unacked = {};
    EXPECT_EQ(EndedLine(unknown).cause(), EndCause::reset_there) << "nothing is known of data";
    unknown = unacked;
    unknown.numbers.bytes_received = {};
    EXPECT_EQ(EndedLine(unknown).cause(), EndCause::reset_there) << "maybe never used";
    EXPECT_EQ(EndedLine(unacked).carried(10, 0).cause(), EndCause::reset_there) << "never used";
    EXPECT_EQ(EndedLine(unacked).stays(CLOSE_WAIT, 1ms).cause(), EndCause::met_idle_close);
    unacked.line.closed_first = ClosedFirst::local;
    EXPECT_EQ(unacked.cause(), EndCause::reset_there);

    // The same by a client, which gave up waiting for its answer, and what the server sees of it.
    EXPECT_EQ(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
                  .carried(5, 0)
                  .stays(FIN_WAIT1, 1ms)
                  .idle(3001, 0)
                  .cause(),
              EndCause::reset_here);
    EXPECT_EQ(served_end(ClosedFirst::remote, Ending::reset_received)
                  .carried(5, 5)
                  .stays(CLOSE_WAIT, 1s)
                  .idle(1, 2001)
                  .cause(),
              EndCause::reset_there);
}

TEST(EndCauseOf, what_was_sent_at_the_time_of_the_peers_fin_met_its_close) {
    auto met = client_end(ClosedFirst::remote, Ending::reset_received)
                   .carried(5, 5)
                   .stays(CLOSE_WAIT, 1ms);
    met.numbers.unacked = 5;
    EXPECT_EQ(EndedLine(met).idle(0, 50).cause(), EndCause::met_close);
    EXPECT_EQ(EndedLine(met).idle(4, 4).cause(), EndCause::met_close);
    EXPECT_EQ(EndedLine(met).idle(8, 4).cause(), EndCause::reset_there) << "sent before";
    EXPECT_EQ(EndedLine(met).carried(5, 0).idle(4, 4).cause(), EndCause::reset_there)
        << "perhaps it was turned away";
    EXPECT_FALSE(analysis::is_of_this_end(EndCause::met_close));
}

TEST(EndCauseOf, it_was_idle_from_a_tenth_of_a_second_on) {
    const auto closer =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(5, 5);
    EXPECT_EQ(EndedLine(closer).idle(100, 0).cause(), EndCause::idle_close);
    EXPECT_EQ(EndedLine(closer).idle(99, 0).cause(), EndCause::reset_here);
    const auto met = client_end(ClosedFirst::remote, Ending::reset_received)
                         .carried(5, 5)
                         .stays(CLOSE_WAIT, 1ms);
    EXPECT_EQ(EndedLine(met).idle(1, 101).cause(), EndCause::met_idle_close);
    EXPECT_EQ(EndedLine(met).idle(1, 100).cause(), EndCause::reset_there);
    for (auto number :
         {&event::SocketNumbers::since_sent_ms, &event::SocketNumbers::since_received_ms}) {
        EndedLine unknown = EndedLine(met).idle(1, 101);
        unknown.numbers.*number = {};
        EXPECT_EQ(analysis::idle_before_close(unknown.get()), std::nullopt);
    }
    EXPECT_EQ(analysis::idle_before_close(EndedLine(met).idle(101, 1).get()), Nanoseconds(0))
        << "it has received since";
    EXPECT_EQ(analysis::idle_before_close(EndedLine(closer).stays(FIN_WAIT1, 2s).idle(1, 0).get()),
              Nanoseconds(0))
        << "it has sent since";
}

TEST(EndCauseOf, a_check_is_one_only_by_the_reset_that_checks_send) {
    EXPECT_EQ(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::disconnect).cause(),
              EndCause::reset_here);
    EXPECT_EQ(served_end(ClosedFirst::local, Ending::reset_received).cause(),
              EndCause::reset_there);
    EXPECT_EQ(client_end(ClosedFirst::remote, Ending::reset_received).cause(),
              EndCause::reset_there);
    EndedLine unseen = served_end(ClosedFirst::remote, Ending::reset_received);
    unseen.states.back().dwell.reset();
    EXPECT_EQ(unseen.cause(), EndCause::reset_there) << "how long it was established isn't known";
    EndedLine handshake =
        served_end(ClosedFirst::none, Ending::handshake_failed, EndingDetail::reset_received);
    handshake.states = {{SYN_RECV, std::nullopt}};
    EXPECT_EQ(handshake.cause(), EndCause::never_completed);
    EndedLine long_one = served_end(ClosedFirst::local, Ending::fin).accepted();
    long_one.states.back().dwell = 1s;
    EXPECT_EQ(long_one.cause(), EndCause::none) << "not turned away: a second";
}

TEST(EndCauseOf, a_process_that_exits_with_requests_unread_has_died) {
    const auto exits = [](EndedLine line) { return line.closed_how(tcp::ClosedHow::exit).cause(); };
    EXPECT_EQ(exits(served_end(ClosedFirst::local, Ending::fin).carried(5, 5, 1)),
              EndCause::process_died);
    EXPECT_EQ(exits(client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::disconnect)
                        .carried(5, 5)),
              EndCause::reset_here);
    EndedLine closes = served_end(ClosedFirst::local, Ending::fin).carried(5, 5, 1);
    EXPECT_EQ(closes.closed_how(tcp::ClosedHow::close).cause(), EndCause::none);
    EndedLine both = served_end(ClosedFirst::both, Ending::fin).carried(5, 5);
    EXPECT_EQ(both.closed_how(tcp::ClosedHow::signal, 9).cause(), EndCause::none);
}

/// Its answer is on its way, and what it hasn't read it didn't want to know.
TEST(EndCauseOf, a_process_for_each_connection_that_has_answered_and_exits_has_not_died) {
    EndedLine answers =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
            .carried(5, 5, 1)
            .closed_how(tcp::ClosedHow::exit);
    EXPECT_EQ(answers.cause(), EndCause::process_died) << "it has accepted it, so it serves others";
    answers.who.closed_by = process(101, "app");
    EXPECT_EQ(answers.cause(), EndCause::answered_unread);
    EXPECT_EQ(answers.carried(0, 5, 1).cause(), EndCause::process_died) << "without an answer";
}

TEST(EndCauseOf, a_connect_whose_syn_was_never_sent_is_not_unanswered) {
    EndedLine fails = client_end(ClosedFirst::none, Ending::connect_failed);
    EXPECT_EQ(fails.cause(), EndCause::unanswered) << "it isn't known";
    fails.numbers.segments_sent = 1;
    EXPECT_EQ(fails.cause(), EndCause::unanswered);
    fails.numbers.segments_sent = 0;
    EXPECT_EQ(fails.cause(), EndCause::none);
    fails.line.detail = EndingDetail::unreachable;
    EXPECT_EQ(fails.cause(), EndCause::unanswered) << "there is no route";
    fails.line.detail = EndingDetail::no_port;
    EXPECT_EQ(fails.cause(), EndCause::none);
}

TEST(EndCauseOf, what_a_process_that_exits_has_read_and_not_answered) {
    const EndedLine exits =
        served_end(ClosedFirst::local, Ending::fin).carried(0, 1).closed_how(tcp::ClosedHow::exit);
    const auto is_unanswered = [](EndedLine line) {
        return analysis::has_exited_unanswered(line.get());
    };
    EXPECT_TRUE(is_unanswered(exits));
    EXPECT_FALSE(is_unanswered(EndedLine(exits).carried(1, 1)));
    EXPECT_FALSE(is_unanswered(EndedLine(exits).carried(0, 0)));
    EXPECT_FALSE(is_unanswered(EndedLine(exits).closed_how(tcp::ClosedHow::close)));
    EndedLine later = exits;
    later.line.closed_first = ClosedFirst::remote;
    EXPECT_FALSE(is_unanswered(later));
    EndedLine forked = exits;
    forked.who.closed_by = process(101, "app");
    EXPECT_FALSE(is_unanswered(forked)) << "a process for each connection";
}

/// One byte is enough, and what isn't known is none.
TEST(EndCauseOf, what_was_carried_is_known_or_it_was_not) {
    const auto without = [](EndedLine line, auto number) {
        line.numbers.*number = {};
        return line.cause();
    };
    using Numbers = event::SocketNumbers;
    const EndedLine unread =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
            .carried(1, 9000, 500);
    EXPECT_EQ(EndedLine(unread).cause(), EndCause::answered_unread);
    EXPECT_EQ(without(unread, &Numbers::bytes_sent), EndCause::reset_here);

    const EndedLine exits = served_end(ClosedFirst::local, Ending::fin)
                                .carried(5, 5, 1)
                                .closed_how(tcp::ClosedHow::exit);
    EXPECT_EQ(EndedLine(exits).cause(), EndCause::process_died);
    EXPECT_EQ(without(exits, &Numbers::unread), EndCause::none);

    const EndedLine hangs_up =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(100, 1);
    EXPECT_EQ(EndedLine(hangs_up).cause(), EndCause::hung_up);
    EXPECT_EQ(without(hangs_up, &Numbers::bytes_received), EndCause::lingered);
    for (auto number : {&Numbers::unsent, &Numbers::unacked, &Numbers::unread})
        EXPECT_EQ(without(hangs_up, number), EndCause::lingered);

    EndedLine forgotten =
        client_end(ClosedFirst::remote, Ending::reset_received).carried(10, 1).idle(1, 2001);
    forgotten.numbers.unacked = 1;
    EXPECT_EQ(EndedLine(forgotten).cause(), EndCause::reset_idle);

    const EndedLine check = served_end(ClosedFirst::remote, Ending::reset_received);
    for (auto number : {&Numbers::bytes_sent, &Numbers::bytes_received})
        EXPECT_EQ(without(check, number), EndCause::reset_there);
}

} // namespace
} // namespace tcpdwell::test

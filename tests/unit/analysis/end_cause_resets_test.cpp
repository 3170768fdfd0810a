// SPDX-License-Identifier: Apache-2.0
// What ended a connection by a reset: what looks like a race with an idle limit, or like an abort.
#include <gtest/gtest.h>

#include "ended_line.h"

namespace tcpdwell::test {
namespace {

/// A time-out for reading a request, which has nothing to do with connections used again.
TEST(EndCauseOf, a_server_that_never_answered_was_not_idle) {
    const auto cut_off =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(0, 10)
            .stays(FIN_WAIT1, 1ms)
            .stays(FIN_WAIT2, 999ms);
    EXPECT_EQ(EndedLine(cut_off).idle(2000, 0).cause(), EndCause::closed_unanswered);
    EXPECT_EQ(EndedLine(cut_off).idle(1049, 0).cause(), EndCause::reset_here) << "49 ms";
    EXPECT_EQ(EndedLine(cut_off).carried(1, 10).idle(2000, 0).cause(), EndCause::idle_close);
    const auto met = client_end(ClosedFirst::remote, Ending::reset_received)
                         .stays(CLOSE_WAIT, 500ms)
                         .idle(0, 500);
    EXPECT_EQ(EndedLine(met).carried(10, 0).cause(), EndCause::met_unanswered);
    EXPECT_EQ(EndedLine(met).carried(10, 1).cause(), EndCause::met_idle_close);
}

/// Whoever sends a request waits for its answer, at least as long as an RST takes.
TEST(EndCauseOf, who_closes_as_soon_as_it_has_sent_has_sent_no_request) {
    auto says_so = client_end(ClosedFirst::remote, Ending::reset_received)
                       .carried(10, 5)
                       .stays(CLOSE_WAIT, 2s)
                       .stays(LAST_ACK, 300ms);
    says_so.numbers.unacked = 5;
    EXPECT_EQ(EndedLine(says_so).idle(399, 2300).cause(), EndCause::closing_message);
    EXPECT_EQ(EndedLine(says_so).idle(400, 2300).cause(), EndCause::met_idle_close) << "it waited";
    EXPECT_EQ(EndedLine(says_so).carried(10, 0).idle(300, 2300).cause(), EndCause::met_unanswered);
    EXPECT_EQ(EndedLine(says_so).idle(2400, 2300).cause(), EndCause::reset_there)
        << "sent before the close was there";
    EndedLine reset = says_so;
    reset.states.pop_back();
    EXPECT_EQ(reset.idle(0, 2000).cause(), EndCause::met_idle_close) << "the RST came before that";
}

TEST(EndCauseOf, what_was_closed_within_a_tenth_of_a_second_was_not_idle) {
    auto met = client_end(ClosedFirst::remote, Ending::reset_received)
                   .carried(10, 5)
                   .stays(CLOSE_WAIT, 2s)
                   .idle(0, 2000);
    EXPECT_EQ(EndedLine(met).cause(), EndCause::met_idle_close);
    met.states.at(1).dwell = 99ms;
    EXPECT_EQ(EndedLine(met).cause(), EndCause::met_late_word);
}

TEST(EndCauseOf, nobody_forgets_a_connection_within_a_second) {
    auto reset = client_end(ClosedFirst::remote, Ending::reset_received).carried(10, 5);
    reset.numbers.unacked = 5;
    EXPECT_EQ(EndedLine(reset).idle(0, 1000).cause(), EndCause::reset_idle);
    EXPECT_EQ(EndedLine(reset).idle(0, 999).cause(), EndCause::reset_there);
}

/// A firewall that begins to reject, an address that moved: the connection has had such pauses.
TEST(EndCauseOf, what_has_outlived_such_pauses_was_not_forgotten) {
    auto reset = client_end(ClosedFirst::remote, Ending::reset_received).carried(10, 5);
    reset.numbers.unacked = 5;
    reset.numbers.segments_received = 4;
    reset.idle(0, 2000);
    EXPECT_EQ(EndedLine(reset).established(6s).cause(), EndCause::reset_idle);
    EXPECT_EQ(EndedLine(reset).established(6s + 1ms).cause(), EndCause::reset_there);
    reset.states.at(1).dwell.reset();
    EXPECT_EQ(reset.cause(), EndCause::reset_idle) << "from before tracing";
}

TEST(EndCauseOf, a_probe_closes_within_moments_and_sends_nothing) {
    auto probe = client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
                     .established(19ms);
    EXPECT_EQ(EndedLine(probe).cause(), EndCause::probe);
    EXPECT_EQ(EndedLine(probe).carried(1, 0).cause(), EndCause::reset_here);
    EXPECT_EQ(EndedLine(probe).established(20ms).cause(), EndCause::reset_here) << "it waited";
    EndedLine unread = probe;
    unread.line.detail = EndingDetail::unread_data;
    EXPECT_EQ(unread.carried(0, 9, 9).cause(), EndCause::probe);
    EndedLine other = probe;
    other.line.detail = EndingDetail::disconnect;
    EXPECT_EQ(other.cause(), EndCause::reset_here);

    const auto probed =
        served_end(ClosedFirst::remote, Ending::reset_received).established(19ms).carried(9, 0);
    EXPECT_EQ(EndedLine(probed).cause(), EndCause::probed);
    EXPECT_EQ(EndedLine(probed).stays(CLOSE_WAIT, 1s).cause(), EndCause::probed);
    EXPECT_EQ(EndedLine(probed).established(20ms).cause(), EndCause::reset_there);
}

TEST(EndCauseOf, a_server_that_says_why_it_turns_away) {
    const auto away = served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                          .established(99ms)
                          .accepted();
    EXPECT_EQ(EndedLine(away).carried(36, 6, 6).cause(), EndCause::turned_away);
    EXPECT_EQ(EndedLine(away).carried(1024, 6, 6).cause(), EndCause::turned_away);
    EXPECT_EQ(EndedLine(away).carried(1025, 6, 6).cause(), EndCause::answered_unread) << "a page";
    EXPECT_EQ(EndedLine(away).carried(36, 7, 6).cause(), EndCause::answered_unread) << "it read";
    EXPECT_EQ(EndedLine(away).carried(36, 6, 6).established(100ms).cause(),
              EndCause::answered_unread);
    EXPECT_EQ(EndedLine(away).carried(36, 6, 6).accepted(false).cause(), EndCause::answered_unread);
    EndedLine closed = EndedLine(away).carried(36, 6, 6).stays(CLOSE_WAIT, 1ms);
    closed.line.closed_first = ClosedFirst::remote;
    EXPECT_EQ(closed.cause(), EndCause::turned_away) << "its client had gone by then";
    closed.states.back().dwell = 100ms;
    EXPECT_EQ(closed.cause(), EndCause::answered_unread);
    EndedLine later = away;
    later.line.detail = EndingDetail::data_after_close;
    EXPECT_EQ(EndedLine(later).carried(36, 0).cause(), EndCause::turned_away)
        << "the request came after the close";
    EXPECT_EQ(EndedLine(later).carried(36, 1).cause(), EndCause::reset_here);
    EXPECT_EQ(EndedLine(later).carried(36, 0).established(100ms).cause(), EndCause::reset_here);
    EXPECT_EQ(served_end(ClosedFirst::local, Ending::fin)
                  .carried(26, 0)
                  .established(1ms)
                  .accepted()
                  .cause(),
              EndCause::none)
        << "daytime";
}

TEST(EndCauseOf, a_reset_at_once_after_the_answer) {
    const auto reset =
        served_end(ClosedFirst::remote, Ending::reset_received).established(99ms).carried(7, 6);
    EXPECT_EQ(EndedLine(reset).cause(), EndCause::reset_answered);
    EXPECT_EQ(EndedLine(reset).established(100ms).cause(), EndCause::reset_there);
    EXPECT_EQ(EndedLine(reset).carried(0, 6).cause(), EndCause::reset_there) << "no answer";
    EXPECT_EQ(EndedLine(reset).carried(7, 6, 1).cause(), EndCause::reset_there)
        << "it hasn't read all";
    EXPECT_EQ(EndedLine(reset).stays(CLOSE_WAIT, 1ms).cause(), EndCause::reset_there);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Which RSTs take nothing away from anybody.
#include <gtest/gtest.h>

#include "ended_line.h"

namespace tcpdwell::test {
namespace {

EndedLine met_its_close(std::uint32_t waited_ms, Nanoseconds met) {
    EndedLine client =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(48, 46)
            .established(5s)
            .stays(FIN_WAIT1, met)
            .closed_how(tcp::ClosedHow::close);
    const auto closing = std::chrono::duration_cast<std::chrono::milliseconds>(met).count();
    return client.idle(waited_ms + static_cast<std::uint32_t>(closing), 0);
}

/// QUIT, and close() at once: whenever the answer comes, nobody has waited for it.
TEST(HarmlessEnd, who_closes_within_moments_of_sending_has_waited_for_nothing) {
    EXPECT_EQ(met_its_close(0, 10ms).cause(), EndCause::discarded);
    EXPECT_EQ(met_its_close(19, 3s).cause(), EndCause::discarded);
    EXPECT_EQ(met_its_close(20, 3s).cause(), EndCause::reset_here) << "it waited";
    EXPECT_EQ(met_its_close(0, 10ms).carried(48, 0).cause(), EndCause::discarded);
    EXPECT_EQ(met_its_close(0, 10ms).carried(0, 46).cause(), EndCause::reset_here)
        << "of what it has sent nothing is known";
    EndedLine unacknowledged = met_its_close(0, 10ms);
    unacknowledged.numbers.unacked = 1;
    EXPECT_EQ(unacknowledged.cause(), EndCause::reset_here);
    unacknowledged.numbers.unacked = 0;
    unacknowledged.numbers.unsent = 1;
    EXPECT_EQ(unacknowledged.cause(), EndCause::reset_here);
}

/// TLS's close_notify answers the FIN, or overlaps with it.
TEST(HarmlessEnd, what_comes_within_moments_of_a_close_was_not_waited_for_in_vain) {
    EXPECT_EQ(met_its_close(999, 19ms).cause(), EndCause::discarded);
    EXPECT_EQ(met_its_close(999, 20ms).cause(), EndCause::reset_here);
    EXPECT_EQ(met_its_close(1000, 19ms).cause(), EndCause::reset_here) << "as by a time-out";
    EXPECT_EQ(met_its_close(999, 19ms).carried(48, 0).cause(), EndCause::reset_here)
        << "it has never been answered";
}

/// A half-close waits for the answer; how long it did is known by the close() after it.
TEST(HarmlessEnd, who_shuts_down_one_direction_goes_on_waiting) {
    EndedLine half =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::data_after_close)
            .carried(4, 1)
            .established(1ms)
            .stays(FIN_WAIT1, 1ms)
            .stays(FIN_WAIT2, 1499ms)
            .closed_how(tcp::ClosedHow::shutdown)
            .idle(500, 450);
    half.line.numbers_at = *half.line.closed - 1s;
    EXPECT_EQ(half.cause(), EndCause::reset_here);
    EXPECT_EQ(analysis::idle_before_close(half.get()), 500ms);
    half.line.numbers_at = half.line.closed;
    EXPECT_EQ(half.cause(), EndCause::reset_here);
    EXPECT_EQ(analysis::idle_before_close(half.get()), std::nullopt);
}

/// The peer's FIN_WAIT2 has expired, or it closes with SO_LINGER 0.
TEST(HarmlessEnd, an_rst_when_all_was_acknowledged_and_both_had_closed) {
    EndedLine last = client_end(ClosedFirst::remote, Ending::reset_received)
                         .carried(6, 17)
                         .stays(CLOSE_WAIT, 3s)
                         .stays(LAST_ACK, 1ms)
                         .idle(3016, 3008);
    EXPECT_EQ(EndedLine(last).cause(), EndCause::none);
    last.numbers.unacked = 6;
    EXPECT_EQ(EndedLine(last).cause(), EndCause::reset_there) << "data was lost";
    last.numbers.unacked = 0;
    last.states.pop_back();
    EXPECT_EQ(EndedLine(last).cause(), EndCause::reset_there) << "it hadn't closed";
}

TEST(HarmlessEnd, an_rst_when_the_fin_was_acknowledged) {
    EndedLine server =
        served_end(ClosedFirst::local, Ending::reset_received).carried(12, 2).stays(FIN_WAIT1, 1ms);
    EXPECT_EQ(EndedLine(server).cause(), EndCause::reset_there) << "the FIN may not have come";
    server.stays(FIN_WAIT2, 3s);
    EXPECT_EQ(EndedLine(server).cause(), EndCause::none);
    EXPECT_EQ(EndedLine(server).carried(12, 2, 1).cause(), EndCause::reset_there) << "unread";
    EndedLine unacknowledged = server;
    unacknowledged.numbers.unacked = {};
    EXPECT_EQ(unacknowledged.cause(), EndCause::reset_there) << "it isn't known";
    EndedLine client = client_end(ClosedFirst::local, Ending::reset_received)
                           .carried(12, 2)
                           .stays(FIN_WAIT1, 1ms)
                           .stays(FIN_WAIT2, 3s);
    EXPECT_EQ(EndedLine(client).closed_how(tcp::ClosedHow::close).cause(), EndCause::none);
    EXPECT_EQ(EndedLine(client).closed_how(tcp::ClosedHow::shutdown).cause(), EndCause::reset_there)
        << "it waited for an answer";
}

TEST(HarmlessEnd, a_client_that_leaves_something_unread_loses_it_by_choice) {
    EndedLine client = client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                           .carried(684, 2021, 24)
                           .idle(2000, 0);
    EXPECT_EQ(EndedLine(client).cause(), EndCause::discarded);
    EndedLine later = client;
    later.line.closed_first = ClosedFirst::remote;
    EXPECT_EQ(later.stays(CLOSE_WAIT, 1ms).cause(), EndCause::discarded);
    client.numbers.unacked = 1;
    EXPECT_EQ(EndedLine(client).cause(), EndCause::reset_here) << "its own data may be lost";
    client.numbers.unacked = {};
    EXPECT_EQ(EndedLine(client).cause(), EndCause::reset_here) << "it isn't known";
    EXPECT_EQ(served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                  .carried(684, 2021, 24)
                  .cause(),
              EndCause::answered_unread)
        << "a server's answer may be lost";
}

TEST(HarmlessEnd, a_stream_was_left_where_data_came_as_often_before_the_close_as_after_it) {
    EndedLine reader = met_its_close(5000, 1249ms);
    reader.numbers.segments_received = 10;
    EXPECT_EQ(EndedLine(reader).cause(), EndCause::left_stream);
    reader.numbers.segments_received = 9;
    EXPECT_EQ(EndedLine(reader).cause(), EndCause::reset_here) << "a handshake of TLS has as many";
    EndedLine late = met_its_close(5000, 1251ms);
    late.numbers.segments_received = 10;
    EXPECT_EQ(late.cause(), EndCause::reset_here) << "the stream had come to a stop";
    EndedLine again = met_its_close(4500, 100ms);
    again.numbers.segments_received = 10;
    EXPECT_EQ(EndedLine(again).cause(), EndCause::reset_here) << "it has sent more than once";
    EXPECT_EQ(EndedLine(again).idle(4601, 0).cause(), EndCause::left_stream);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Why an active close left no TIME_WAIT.
#include "analysis/skip_cause.h"

#include <gtest/gtest.h>

#include "ended_line.h"

namespace tcpdwell::test {
namespace {

using analysis::SkipCause;

std::optional<SkipCause> cause_of(Ending ending, EndingDetail detail = EndingDetail::none,
                                  ClosedFirst first = ClosedFirst::local) {
    return analysis::skip_cause(client_end(first, ending, detail).get());
}

TEST(SkipCause, is_how_it_ended) {
    EXPECT_EQ(cause_of(Ending::reset_sent, EndingDetail::so_linger_zero),
              SkipCause::so_linger_zero);
    EXPECT_EQ(cause_of(Ending::reset_sent, EndingDetail::unread_data), SkipCause::unread_data);
    EXPECT_EQ(cause_of(Ending::reset_sent, EndingDetail::data_after_close),
              SkipCause::data_after_close);
    EXPECT_EQ(cause_of(Ending::reset_sent, EndingDetail::linger2), SkipCause::linger2);
    EXPECT_EQ(cause_of(Ending::reset_sent, EndingDetail::admin_kill), SkipCause::other_reset_sent);
    EXPECT_EQ(cause_of(Ending::reset_received), SkipCause::reset_received);
    EXPECT_EQ(cause_of(Ending::timed_out), SkipCause::timed_out);
    EXPECT_EQ(cause_of(Ending::fin_wait2_expired), SkipCause::fin_wait2_expired);
    EXPECT_EQ(cause_of(Ending::fin), std::nullopt);
    EXPECT_EQ(cause_of(Ending::dropped_silently), std::nullopt);
}

TEST(SkipCause, is_of_who_closed_first) {
    for (const ClosedFirst other : {ClosedFirst::remote, ClosedFirst::none, ClosedFirst::unknown})
        EXPECT_EQ(cause_of(Ending::reset_received, EndingDetail::none, other), std::nullopt);
    EXPECT_EQ(cause_of(Ending::reset_received, EndingDetail::none, ClosedFirst::both),
              SkipCause::reset_received);
}

TEST(SkipCause, of_a_time_wait_is_only_that_there_were_too_many) {
    for (const tcp::TimeWaitEnd end : kAllOf<tcp::TimeWaitEnd>) {
        EndedLine line = client_end(ClosedFirst::local, Ending::reset_received);
        line.line.time_wait = track::ConnectionLine::TimeWait{1s, end, 0};
        EXPECT_EQ(analysis::skip_cause(line.get()), end == tcp::TimeWaitEnd::overflow
                                                        ? std::optional(SkipCause::overflow)
                                                        : std::nullopt);
    }
}

} // namespace
} // namespace tcpdwell::test

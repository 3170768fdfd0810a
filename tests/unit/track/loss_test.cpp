// SPDX-License-Identifier: Apache-2.0
// Lost records: what can still be said is said, what can't isn't, and whoever reads it learns so.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

constexpr unsigned kKilled =
    TD_STACK_TAKEN | TD_STACK_DESCHEDULE | TD_STACK_TIMEWAIT_PROCESS | TD_STACK_RECEIVE;

/// A connection that a client opened at 10 ms and closed at 100 ms.
void close_first(EventRun& run, const TestSocket& s) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << s.change(100ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp);
}

TEST(Loss, lost_transition_leaves_a_gap_and_no_dwell) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << lost(50ms, 1) << s.change(101ms, FIN_WAIT1, FIN_WAIT2)
        << s.change(150ms, FIN_WAIT2, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(run.tracker.totals().unseen, 0u); // it was counted
    EXPECT_EQ(stay(o, SYN_SENT), 1ms);
    EXPECT_EQ(stay(o, FIN_WAIT1), std::nullopt);
    EXPECT_EQ(stay(o, FIN_WAIT2), 49ms);
    EXPECT_EQ(o.line->closed_first, tcp::ClosedFirst::local);
    EXPECT_EQ(o.line->ending, tcp::Ending::reset_received);
    for (const auto& t : o.transitions)
        if (t.from == FIN_WAIT1) {
            EXPECT_EQ(t.dwell, std::nullopt);
        }
}

TEST(Loss, state_without_any_loss_reported_is_a_gap_too) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << s.change(101ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp) << s.change(150ms, LAST_ACK, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(stay(o, CLOSE_WAIT), std::nullopt);
    EXPECT_EQ(stay(o, LAST_ACK), 49ms);
    EXPECT_EQ(o.line->closed_first, tcp::ClosedFirst::remote);
    EXPECT_EQ(run.tracker.totals().unexpected, 1u);
    EXPECT_EQ(run.tracker.totals().unseen, 1u);
}

TEST(Loss, connection_that_lost_nothing_stays_whole) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << lost(50ms, 5) << s.change(100ms, ESTABLISHED, CLOSE_WAIT)
        << s.change(200ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp) << s.change(201ms, LAST_ACK, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(o.line->ending, tcp::Ending::fin);
    EXPECT_EQ(stay(o, ESTABLISHED), 89ms);
}

TEST(Loss, overflow_is_concluded_from_silence_only_if_nothing_was_lost) {
    for (const bool some_lost : {false, true}) {
        const TestSocket s;
        EventRun run;
        close_first(run, s);
        run << s.change(101ms, FIN_WAIT1, FIN_WAIT2);
        if (some_lost) run << lost(102ms, 0, 1);
        run << s.change(103ms, FIN_WAIT2, CLOSE, 0, TD_STATE_ORPHAN | TD_STATE_FIN_RECEIVED);
        const synth::Outcome o = run.only_outcome();
        ASSERT_TRUE(some_lost || o.line->time_wait);
        if (some_lost) {
            EXPECT_EQ(o.line->seen, tcp::Seen::gap);
            EXPECT_TRUE(!o.line->time_wait || o.line->time_wait->end == tcp::TimeWaitEnd::unknown);
        } else {
            EXPECT_EQ(o.line->seen, tcp::Seen::whole);
            EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::overflow);
        }
    }
}

TEST(Loss, kill_without_a_stack_is_concluded_from_silence_only_if_nothing_was_lost) {
    for (const bool some_lost : {false, true}) {
        const TestSocket mini;
        EventRun run;
        run << mini.timer(1ms, TD_TIMER_START, TIME_WAIT, 60s)
            << mini.timer(10s, TD_TIMER_CANCEL, TIME_WAIT, 60s);
        if (some_lost) run << lost(10s + 1ms, 0, 1);
        const synth::Outcome o = run.only_outcome();
        ASSERT_TRUE(o.line->time_wait);
        EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::unknown);
        EXPECT_EQ(o.line->seen, some_lost ? tcp::Seen::gap : tcp::Seen::joined);
    }
}

TEST(Loss, kill_seen_in_the_stack_needs_no_silence) {
    const TestSocket mini;
    EventRun run;
    run << mini.timer(1ms, TD_TIMER_START, TIME_WAIT, 60s) << lost(5s, 0, 1)
        << mini.timer(10s, TD_TIMER_CANCEL, TIME_WAIT, 60s, {}, kKilled);
    EXPECT_EQ(run.only_outcome().line->time_wait->end, tcp::TimeWaitEnd::reset);
}

TEST(Loss, handshake_failed_is_concluded_from_silence_only_if_nothing_was_lost) {
    for (const bool some_lost : {false, true}) {
        const TestSocket request{.cookie = 0};
        EventRun run;
        run << request.request(1ms, TD_TIMER_START) << request.request(10ms, TD_TIMER_CANCEL);
        if (some_lost) run << lost(10ms + 5us, 1);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->ending, some_lost ? tcp::Ending::unknown : tcp::Ending::handshake_failed);
        EXPECT_EQ(o.line->seen, some_lost ? tcp::Seen::gap : tcp::Seen::whole);
    }
}

TEST(Loss, silence_up_to_where_a_loss_is_said_decides_nothing) {
    const TestSocket request{.cookie = 0};
    const TestSocket mini{0xe000, 9, v4_tuple(81)};
    EventRun run;
    run << mini.timer(1ms, TD_TIMER_START, TIME_WAIT, 60s) << request.request(1ms, TD_TIMER_START)
        << request.request(10ms, TD_TIMER_CANCEL)
        << mini.timer(10ms, TD_TIMER_CANCEL, TIME_WAIT, 60s);
    run.tracker.on_event(lost(10s, 1)); // the buffer was full for so long: no mark in between
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    for (const synth::Outcome& o : all) {
        EXPECT_EQ(o.line->closed, std::nullopt) << describe(o);
        EXPECT_EQ(o.line->seen, tcp::Seen::gap) << describe(o);
    }
}

TEST(Loss, just_before_a_purge_may_have_hidden_how_a_fin_wait2_ended) {
    for (const bool some_lost : {false, true}) {
        const TestSocket s;
        const TestSocket mini{0xe000, s.cookie, s.tuple};
        EventRun run;
        close_first(run, s);
        run << s.change(101ms, FIN_WAIT1, FIN_WAIT2)
            << mini.timer(102ms, TD_TIMER_START, FIN_WAIT2, 60s)
            << s.change(102ms, FIN_WAIT2, CLOSE, 0, TD_STATE_ORPHAN);
        if (some_lost) run << lost(5s, 0, 1);
        run << mini.timer(10s, TD_TIMER_CANCEL, FIN_WAIT2, 60s, {},
                          TD_STACK_TAKEN | TD_STACK_DESCHEDULE | TD_STACK_PURGE);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->ending, tcp::Ending::unknown);
        EXPECT_EQ(o.line->seen, some_lost ? tcp::Seen::gap : tcp::Seen::whole);
    }
}

TEST(Loss, before_an_end_that_shows_itself_leaves_no_gap) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << s.change(100ms, ESTABLISHED, CLOSE_WAIT)
        << s.change(200ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp) << lost(201ms, 5)
        << s.change(202ms, LAST_ACK, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->ending, tcp::Ending::fin);
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
}

/// Neither an error nor an RST nor both FINs: what says why wasn't seen, though nothing was counted
/// as lost.
TEST(Loss, an_end_without_any_reason_is_a_gap) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << s.change(100ms, ESTABLISHED, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->ending, tcp::Ending::unknown);
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
}

TEST(Loss, mini_whose_birth_was_lost_is_found_by_its_end) {
    const TestSocket mini;
    EventRun run;
    run << lost(1ms, 1, 1) << mini.timer(61s, TD_TIMER_CANCEL, TIME_WAIT, 60s)
        << mini.timer(61s + 10us, TD_TIMER_EXPIRE, TIME_WAIT, 60s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(o.line->ending, tcp::Ending::fin);
    ASSERT_TRUE(o.line->time_wait);
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::expired);
}

TEST(Loss, lost_birth_of_a_mini_does_not_hide_its_connection) {
    const TestSocket s;
    const TestSocket mini{0xe000, s.cookie, s.tuple};
    EventRun run;
    close_first(run, s);
    run << s.change(101ms, FIN_WAIT1, FIN_WAIT2) << lost(102ms, 0, 1)
        << s.change(103ms, FIN_WAIT2, CLOSE)
        << mini.timer(103ms + 50us, TD_TIMER_CANCEL, TIME_WAIT, 60s, {}, kKilled);
    const synth::Outcome o = run.outcomes().at(0);
    EXPECT_NE(o.line->seen, tcp::Seen::whole);
    for (const synth::OutcomeLine::Stay& stay : o.line->states) {
        EXPECT_TRUE(!stay.dwell || *stay.dwell < 1s);
    }
}

/// tcp_time_wait() may have put a mini-socket in its place, or there was no room for one.
TEST(Loss, may_have_hidden_a_hand_over_where_a_close_shows_no_reason) {
    const auto is_there = [](tcp::State from, std::uint8_t error, bool loses) {
        const TestSocket s;
        EventRun run;
        close_first(run, s);
        run << s.change(101ms, FIN_WAIT1, from);
        if (loses) run << lost(102ms, 0, 1);
        run << s.change(103ms, from, CLOSE, error);
        run.pass_time(at(300ms));
        const bool is_live = run.tracker.live() == 1;
        const tcp::Seen seen = run.only_outcome().line->seen;
        EXPECT_TRUE(!is_live || seen == tcp::Seen::gap) << name(from);
        return is_live;
    };
    for (const tcp::State from : {FIN_WAIT2, CLOSING}) {
        EXPECT_TRUE(is_there(from, 0, true)) << name(from);
        EXPECT_FALSE(is_there(from, 104, true)) << name(from);
        EXPECT_FALSE(is_there(from, 0, false)) << name(from);
    }
    const TestSocket s;
    for (const tcp::State from : {ESTABLISHED, FIN_WAIT1, CLOSE_WAIT, LAST_ACK, FIN_WAIT2}) {
        EventRun run; // it was there before
        run << s.change(103ms, from, CLOSE);
        run.pass_time(at(300ms));
        EXPECT_EQ(run.tracker.live(), from == FIN_WAIT2 ? 1u : 0u) << name(from);
        EXPECT_EQ(run.only_outcome().line->seen,
                  from == FIN_WAIT2 || from == LAST_ACK ? tcp::Seen::joined : tcp::Seen::gap)
            << name(from);
    }
}

TEST(Loss, totals_are_reported_as_differences) {
    EventRun run;
    run << lost(1ms, 3, 1) << lost(2ms, 3, 1) << lost(3ms, 5, 1);
    run.finish();
    ASSERT_EQ(run.collector.lost.size(), 2u);
    EXPECT_EQ(run.collector.lost[0].events, 4u);
    EXPECT_EQ(run.collector.lost[0].at, at(1ms));
    EXPECT_EQ(run.collector.lost[1].events, 2u);
    EXPECT_EQ(run.collector.lost[1].by_probe[TD_PROBE_STATE], 2u);
    EXPECT_EQ(run.collector.lost[1].by_probe[TD_PROBE_TIMEWAIT], 0u);
    EXPECT_EQ(run.tracker.totals().lost, 6u);
}

TEST(Loss, what_was_lost_before_the_recording_begins_is_no_loss) {
    event::LostTotals before = lost(1ms, 3, 1);
    before.before = true;
    EventRun run;
    run << before << lost(2ms, 3, 1) << lost(3ms, 5, 1);
    run.finish();
    ASSERT_EQ(run.collector.lost.size(), 1u);
    EXPECT_EQ(run.collector.lost[0].events, 2u);
}

TEST(Loss, hole_in_a_recording_is_a_loss_of_nobody_knows_how_much) {
    const TestSocket s;
    EventRun run;
    run << lost(1ms, 3) << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp)
        << s.change(11ms, SYN_SENT, ESTABLISHED) << event::Gap{at(50ms), at(100ms), false}
        << lost(100ms, 3) << s.change(101ms, FIN_WAIT1, FIN_WAIT2)
        << s.change(150ms, FIN_WAIT2, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(stay(o, FIN_WAIT1), std::nullopt);
    EXPECT_EQ(stay(o, FIN_WAIT2), 49ms);
    ASSERT_EQ(run.collector.lost.size(), 2u) << "the totals go on";
    EXPECT_EQ(run.collector.lost[1].events, std::nullopt);
    EXPECT_EQ(run.collector.lost[1].at, at(50ms));
    EXPECT_EQ(run.tracker.totals().holes, 1u);
}

TEST(Loss, totals_begin_anew_with_another_run) {
    EventRun run;
    run << lost(1ms, 3) << event::Gap{at(2ms), at(3ms), true} << lost(4ms, 2);
    run.finish();
    ASSERT_EQ(run.collector.lost.size(), 3u);
    EXPECT_EQ(run.collector.lost[2].events, 2u);
}

/// Whether a SYN-ACK is the first isn't sure if one may just have been lost.
TEST(Loss, just_before_a_request_makes_it_a_gap) {
    for (const Nanoseconds later : {0ms, 1ms, 19ms, 20ms, 21ms, 500ms}) {
        const TestSocket request{.cookie = 0};
        EventRun run;
        run << lost(100ms, 1) << request.request(100ms + later, TD_TIMER_START)
            << request.request(5s, TD_TIMER_CANCEL);
        EXPECT_EQ(run.only_outcome().line->seen, later < 20ms ? tcp::Seen::gap : tcp::Seen::whole)
            << later.count();
    }
}

/// A handshake may take two minutes; without a loss a child without a request is whole.
TEST(Loss, during_a_handshake_makes_a_child_without_a_request_a_gap) {
    for (const Nanoseconds later : {1ms, 500ms, 129'999ms, 130'000ms, 200'000ms}) {
        const TestSocket child;
        EventRun run;
        run << lost(100ms, 1) << child.change(100ms + later - 5us, LISTEN, SYN_RECV)
            << child.change(100ms + later, SYN_RECV, ESTABLISHED);
        EXPECT_EQ(run.only_outcome().line->seen, later < 130s ? tcp::Seen::gap : tcp::Seen::whole)
            << later.count();
    }
}

/// Without cookies the four-tuple is all that is known of the two.
TEST(Loss, may_have_hidden_that_a_connection_took_the_place_of_a_time_wait) {
    const TestSocket mini{0xe000, 0};
    const TestSocket heir{0xf000, 0, mini.tuple};
    EventRun run;
    run << mini.timer(1s, TD_TIMER_START, TIME_WAIT, 61s) << lost(2s, 3)
        << snapshot(5s, TD_SNAPSHOT_BEGIN) << heir.listed(5s + 1ms, ESTABLISHED)
        << snapshot(5s + 2ms, TD_SNAPSHOT_END);
    std::vector<tcp::State> states;
    run.tracker.for_each_live([&](const track::LiveSocket& live) { states.push_back(live.state); });
    EXPECT_EQ(states, std::vector{ESTABLISHED});

    run << heir.change(6s, ESTABLISHED, CLOSE_WAIT) << heir.change(7s, CLOSE_WAIT, LAST_ACK)
        << heir.change(7s + 1ms, LAST_ACK, CLOSE);
    const auto outcomes = run.outcomes();
    ASSERT_EQ(outcomes.size(), 2U);
    ASSERT_TRUE(outcomes[0].line && outcomes[0].line->time_wait && outcomes[1].line);
    EXPECT_EQ(outcomes[0].line->ending, tcp::Ending::fin);
    EXPECT_EQ(outcomes[0].line->time_wait->end, tcp::TimeWaitEnd::unknown) << "it was lost";
    EXPECT_EQ(outcomes[1].line->closed_first, tcp::ClosedFirst::remote);
    EXPECT_EQ(run.tracker.totals().unseen, 0U);
}

} // namespace
} // namespace tcpdwell::test

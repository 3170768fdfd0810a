// SPDX-License-Identifier: Apache-2.0
// Recording stops: what was pending then is no longer decided by silence, and what a listing shows
// later isn't taken for a loss.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

const TestSocket kRequest{.cookie = 0};
const TestSocket kMini{0xe000, 0};

event::RecordingStopped stop(Nanoseconds when) { return {at(when)}; }

EventRun& begin_handshake(EventRun& run) {
    return run << kRequest.request(1ms, TD_TIMER_START) << kRequest.request(50ms, TD_TIMER_CANCEL);
}

void expect_nothing_missed(const EventRun& run) {
    EXPECT_EQ(run.tracker.totals().unexpected, 0u);
    EXPECT_EQ(run.tracker.totals().unseen, 0u);
    EXPECT_TRUE(run.collector.lost.empty());
}

TEST(Stop, handshake_that_was_pending_has_not_failed) {
    for (const Nanoseconds when : {Nanoseconds(50ms + 1us), Nanoseconds(60ms), 70ms - 1ns}) {
        EventRun run;
        begin_handshake(run) << stop(when);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->ending, tcp::Ending::unknown) << when.count();
        EXPECT_EQ(o.line->closed, std::nullopt);
        EXPECT_EQ(o.line->seen, tcp::Seen::whole);
        EXPECT_FALSE(has_transition(o, SYN_RECV, CLOSE));
        expect_nothing_missed(run);
    }
}

TEST(Stop, handshake_that_was_silent_for_long_enough_has_failed) {
    EventRun run;
    begin_handshake(run) << stop(70ms);
    EXPECT_EQ(run.only_outcome().line->ending, tcp::Ending::handshake_failed);
}

TEST(Stop, handshake_that_goes_on_is_open) {
    EventRun run;
    run << kRequest.request(1ms, TD_TIMER_START) << stop(1ms + 1us);
    EXPECT_EQ(run.only_outcome().line->ending, tcp::Ending::open);
}

TEST(Stop, handshake_whose_timer_expired_has_timed_out_unless_it_may_have_been_set_again) {
    for (const bool at_once : {false, true}) {
        EventRun run;
        begin_handshake(run) << kRequest.request(50ms + 1us, TD_TIMER_EXPIRE)
                             << stop(at_once ? 50ms + 1us + 1ms - 1ns : 50ms + 1us + 1ms);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->ending, at_once ? tcp::Ending::unknown : tcp::Ending::handshake_failed);
        EXPECT_EQ(o.line->detail, at_once ? tcp::EndingDetail::none : tcp::EndingDetail::timeout);
    }
}

TEST(Stop, child_that_was_seen_before_decides) {
    const TestSocket child{0xffff888000002000, 9};
    EventRun run;
    begin_handshake(run) << child.change(50ms + 1us, SYN_RECV, ESTABLISHED) << stop(51ms);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->ending, tcp::Ending::open);
    EXPECT_TRUE(has_transition(o, SYN_RECV, ESTABLISHED));
}

TEST(Stop, record_that_was_under_way_still_counts) {
    const TestSocket child{0xffff888000002000, 9};
    EventRun run;
    begin_handshake(run) << stop(50ms + 2us) << child.change(50ms + 3us, SYN_RECV, ESTABLISHED);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->ending, tcp::Ending::open);
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    expect_nothing_missed(run);
}

TEST(Stop, child_that_a_listing_shows_is_open_and_no_gap) {
    const TestSocket child{0xffff888000002000, 9};
    EventRun run;
    run << snapshot(0ms, TD_SNAPSHOT_BEGIN);
    begin_handshake(run) << stop(60ms) << child.listed(90ms, ESTABLISHED)
                         << snapshot(91ms, TD_SNAPSHOT_END);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->ending, tcp::Ending::open);
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    ASSERT_EQ(o.line->states.size(), 2u);
    EXPECT_EQ(o.line->states.back().state, ESTABLISHED);
    EXPECT_EQ(stay(o, SYN_RECV), std::nullopt);
    expect_nothing_missed(run);
}

TEST(Stop, request_that_a_listing_shows_is_open) {
    EventRun run;
    run << snapshot(0ms, TD_SNAPSHOT_BEGIN);
    begin_handshake(run) << stop(60ms) << kRequest.listed_request(90ms, 0)
                         << snapshot(91ms, TD_SNAPSHOT_END);
    EXPECT_EQ(run.only_outcome().line->ending, tcp::Ending::open);
    expect_nothing_missed(run);
}

TEST(Stop, what_happens_later_is_no_loss) {
    const TestSocket moved{0xffff888000001000, 7};
    const TestSocket gone{0xffff888000002000, 8, v4_tuple(81)};
    const TestSocket handed_over{0xffff888000003000, 9, v4_tuple(82)};
    const TestSocket fresh{0xffff888000004000, 10, v4_tuple(83)};
    TestSocket its_mini = handed_over;
    its_mini.address = 0xe000;
    EventRun run;
    run << snapshot(0ms, TD_SNAPSHOT_BEGIN) << snapshot(1ms, TD_SNAPSHOT_END);
    for (const TestSocket& s : {moved, gone, handed_over})
        run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED);
    run << snapshot(1s, TD_SNAPSHOT_BEGIN) << stop(1s + 1ms) << moved.listed(1s + 2ms, CLOSE_WAIT)
        << its_mini.listed_mini(1s + 2ms, TIME_WAIT, 61s) << fresh.listed(1s + 2ms, ESTABLISHED)
        << snapshot(1s + 3ms, TD_SNAPSHOT_END);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 3u);
    for (const synth::Outcome& o : all) {
        EXPECT_EQ(o.line->ending, tcp::Ending::open);
        EXPECT_EQ(o.line->seen, tcp::Seen::whole);
        EXPECT_EQ(o.line->states.back().state, ESTABLISHED);
    }
    expect_nothing_missed(run);
}

TEST(Stop, listing_before_it_still_finds_what_was_missed) {
    const TestSocket s;
    EventRun run;
    run << snapshot(0ms, TD_SNAPSHOT_BEGIN) << snapshot(1ms, TD_SNAPSHOT_END)
        << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << snapshot(1s, TD_SNAPSHOT_BEGIN) << s.listed(1s + 1ms, CLOSE_WAIT) << stop(1s + 2ms);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->states.back().state, CLOSE_WAIT);
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(run.tracker.totals().unseen, 1u);
}

TEST(Stop, first_listing_is_taken_to_its_end) {
    const TestSocket s;
    EventRun run;
    run << snapshot(0ms, TD_SNAPSHOT_BEGIN) << stop(1ms) << s.listed(2ms, ESTABLISHED)
        << snapshot(3ms, TD_SNAPSHOT_END);
    EXPECT_EQ(run.only_outcome().line->seen, tcp::Seen::joined);
}

TEST(Stop, what_was_lost_before_is_still_found_by_a_listing) {
    const TestSocket moved;
    const TestSocket gone{0xffff888000002000, 8, v4_tuple(81)};
    const TestSocket fresh{0xffff888000004000, 10, v4_tuple(83)};
    EventRun run;
    run << snapshot(0ms, TD_SNAPSHOT_BEGIN) << moved.listed(1ms, ESTABLISHED)
        << gone.listed(1ms, ESTABLISHED) << snapshot(2ms, TD_SNAPSHOT_END) << lost(500ms, 3)
        << snapshot(1s, TD_SNAPSHOT_BEGIN) << stop(1s + 1ms) << moved.listed(1s + 2ms, CLOSE_WAIT)
        << fresh.listed(1s + 2ms, ESTABLISHED) << snapshot(1s + 3ms, TD_SNAPSHOT_END);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 3u);
    for (const synth::Outcome& o : all) EXPECT_EQ(o.line->seen, tcp::Seen::gap) << describe(o);
    EXPECT_EQ(all[0].line->ending, tcp::Ending::unknown); // `gone` comes first
}

TEST(Stop, cancelled_timer_of_a_mini_does_not_show_how_it_ended) {
    for (const tcp::State substate : {FIN_WAIT2, TIME_WAIT}) {
        EventRun run;
        run << kMini.timer(1ms, TD_TIMER_START, substate, 60s)
            << kMini.timer(10s, TD_TIMER_CANCEL, substate, 60s) << stop(10s + 1ms);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->closed, std::nullopt);
        EXPECT_FALSE(has_transition(o, substate, CLOSE));
        if (substate == TIME_WAIT) {
            EXPECT_EQ(o.line->ending, tcp::Ending::fin);
            ASSERT_TRUE(o.line->time_wait);
            EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::unknown);
        } else {
            EXPECT_EQ(o.line->ending, tcp::Ending::unknown);
        }
        EXPECT_EQ(o.line->seen, tcp::Seen::joined);
        expect_nothing_missed(run);
    }
}

TEST(Stop, what_is_known_of_a_mini_stays_known) {
    struct Case {
        td_timer_op op;
        unsigned stack;
        Nanoseconds stop;
        bool is_there;
        tcp::TimeWaitEnd end;
    };
    const unsigned kAborted = TD_STACK_TAKEN | TD_STACK_DESCHEDULE | TD_STACK_ABORT;
    for (const Case& each :
         {Case{TD_TIMER_CANCEL, kAborted, 10s + 1ms, false, tcp::TimeWaitEnd::killed},
          Case{TD_TIMER_KILL, 0, 10s + 1ms, false, tcp::TimeWaitEnd::unknown},
          Case{TD_TIMER_CANCEL, 0, 10s + 20ms, false, tcp::TimeWaitEnd::unknown},
          Case{TD_TIMER_EXPIRE, 0, 10s + 1us, false, tcp::TimeWaitEnd::expired},
          Case{TD_TIMER_CANCEL, TD_STACK_TAKEN | TD_STACK_MOD_TIMER, 10s + 1ms, true,
               tcp::TimeWaitEnd::open}}) {
        EventRun run;
        run << kMini.timer(1ms, TD_TIMER_START, TIME_WAIT, 60s)
            << kMini.timer(10s, each.op, TIME_WAIT, 60s, {}, each.stack) << stop(each.stop);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->closed.has_value(), !each.is_there);
        ASSERT_TRUE(o.line->time_wait);
        EXPECT_EQ(o.line->time_wait->end, each.end);
    }
}

TEST(Stop, heir_that_was_seen_explains_a_cancelled_timer) {
    const TestSocket heir{0xffff888000002000, 9};
    EventRun run;
    run << kMini.timer(1ms, TD_TIMER_START, TIME_WAIT, 60s)
        << heir.change(10s, CLOSE, SYN_SENT, 0, 0, kApp)
        << kMini.timer(10s + 1us, TD_TIMER_CANCEL, TIME_WAIT, 60s) << stop(10s + 1ms);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    ASSERT_TRUE(all[1].line->time_wait); // the heir has the first transition
    EXPECT_EQ(all[1].line->time_wait->end, tcp::TimeWaitEnd::reused);
}

TEST(Stop, mini_that_a_listing_shows_is_open) {
    EventRun run;
    run << snapshot(9s, TD_SNAPSHOT_BEGIN) << kMini.timer(9s + 1ms, TD_TIMER_START, TIME_WAIT, 69s)
        << kMini.timer(10s, TD_TIMER_CANCEL, TIME_WAIT, 60s) << stop(10s + 1ms)
        << kMini.listed_mini(10s + 30ms, TIME_WAIT, 69s) << snapshot(10s + 31ms, TD_SNAPSHOT_END);
    const synth::Outcome o = run.only_outcome();
    ASSERT_TRUE(o.line->time_wait);
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::open);
}

TEST(Stop, reset_that_may_have_followed_a_close_is_not_excluded) {
    struct Case {
        tcp::State from;
        std::uint8_t error;
        tcp::Ending cut_off;
        tcp::Ending whole;
    };
    for (const Case& each :
         {Case{FIN_WAIT2, 0, tcp::Ending::unknown, tcp::Ending::fin},
          Case{FIN_WAIT2, 104, tcp::Ending::unknown, tcp::Ending::reset_received},
          Case{LAST_ACK, 0, tcp::Ending::fin, tcp::Ending::fin}}) {
        for (const bool is_cut_off : {true, false}) {
            const TestSocket s;
            EventRun run;
            run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp)
                << s.change(11ms, SYN_SENT, ESTABLISHED)
                << s.change(20ms, ESTABLISHED, each.from == LAST_ACK ? CLOSE_WAIT : FIN_WAIT1)
                << s.change(21ms, each.from == LAST_ACK ? CLOSE_WAIT : FIN_WAIT1, each.from)
                << s.change(30ms, each.from, CLOSE, each.error, TD_STATE_ORPHAN)
                << stop(is_cut_off ? 30ms + 1us : 50ms);
            const synth::Outcome o = run.only_outcome();
            EXPECT_EQ(o.line->ending, is_cut_off ? each.cut_off : each.whole) << describe(o);
            EXPECT_EQ(o.line->seen, tcp::Seen::whole);
        }
    }
}

TEST(Stop, events_later_on_are_those_of_another_recording) {
    for (const bool says_so : {true, false}) {
        const TestSocket child{0xffff888000002000, 9};
        EventRun run;
        begin_handshake(run) << stop(60ms);
        if (says_so) run << event::Gap{at(61ms), at(10s), true};
        run << child.change(10s, SYN_RECV, ESTABLISHED)
            << TestSocket{0xe000, 0, v4_tuple(81)}.request(11s, TD_TIMER_START)
            << TestSocket{0xe000, 0, v4_tuple(81)}.request(12s, TD_TIMER_CANCEL);
        const std::vector<synth::Outcome> all = run.outcomes();
        ASSERT_EQ(all.size(), 2u);
        EXPECT_EQ(all[0].line->ending, tcp::Ending::open);
        EXPECT_EQ(all[0].line->seen, tcp::Seen::gap);
        EXPECT_EQ(stay(all[0], SYN_RECV), std::nullopt);
        EXPECT_EQ(all[1].line->ending, tcp::Ending::handshake_failed); // silence counts again
        EXPECT_EQ(run.tracker.stopped(), std::nullopt);
    }
}

TEST(Stop, what_is_learnt_besides_is_no_other_recording) {
    EventRun run;
    begin_handshake(run) << stop(60ms) << snapshot(1s, TD_SNAPSHOT_BEGIN) << lost(2s, 0)
                         << event::OwnerFound{at(3s), 0x77, 0, {kApp, 0, 0}, TD_OWNER_HOLDS};
    EXPECT_EQ(run.tracker.stopped(), at(60ms));
    run << event::OwnerFound{at(3s), 0x77, 0, {kApp, 0, 0}, TD_OWNER_ACCEPTED};
    EXPECT_EQ(run.tracker.stopped(), std::nullopt);
}

} // namespace
} // namespace tcpdwell::test

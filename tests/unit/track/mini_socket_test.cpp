// SPDX-License-Identifier: Apache-2.0
// Mini-sockets: what their timers show FIN_WAIT2 and TIME_WAIT where a whole story would show
// too little.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

/// A client that closed first; its full socket and its mini-socket.
struct Closer {
    TestSocket full{0xd000, 7, v4_tuple(40000, 80)};
    TestSocket mini{0xe000, 7, v4_tuple(40000, 80)};

    /// Established at 11 ms, FIN_WAIT1 at 100 ms, FIN_WAIT2 at 101 ms.
    void until_fin_wait2(EventRun& run) const {
        run << full.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp)
            << full.change(11ms, SYN_SENT, ESTABLISHED)
            << full.change(100ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
            << full.change(101ms, FIN_WAIT1, FIN_WAIT2);
    }
    /// The mini-socket starts at 104 ms.
    void until_mini(EventRun& run, tcp::State substate, Nanoseconds expires,
                    std::optional<Nanoseconds> entered = {}) const {
        until_fin_wait2(run);
        run << mini.timer(104ms, TD_TIMER_START, substate, expires, entered)
            << full.change(104ms + 3us, FIN_WAIT2, CLOSE, 0, TD_STATE_ORPHAN);
    }
    void expire(EventRun& run, Nanoseconds when, tcp::State substate, Nanoseconds expires,
                std::optional<Nanoseconds> entered = {}) const {
        run << mini.timer(when - 10us, TD_TIMER_CANCEL, substate, expires, entered,
                          TD_STACK_TAKEN | TD_STACK_RUN_TIMERS)
            << mini.timer(when, TD_TIMER_EXPIRE, substate, expires, entered);
    }
};

TEST(MiniSocket, hand_over_is_no_transition) {
    const Closer c;
    EventRun run;
    c.until_mini(run, FIN_WAIT2, 60104ms);
    run.pass_time(at(1s));
    ASSERT_EQ(run.collector.outcomes().size(), 1u);
    EXPECT_EQ(run.collector.outcomes()[0].transitions.back().to, FIN_WAIT2);
    std::vector<tcp::State> live;
    run.tracker.for_each_live([&](const track::LiveSocket& s) { live.push_back(s.state); });
    EXPECT_EQ(live, std::vector{FIN_WAIT2});
}

TEST(MiniSocket, expiry_that_was_not_seen_is_no_open_end) {
    const Closer c;
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run.pass_time(at(70s));
    EXPECT_FALSE(run.tracker.finds_overdue(at(70s))); // a timer may be late
    EXPECT_TRUE(run.tracker.finds_overdue(at(71s)));
    run.pass_time(at(71s));
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(o.line->ending, tcp::Ending::fin);
    EXPECT_EQ(o.line->closed, std::nullopt);
    EXPECT_EQ(stay(o, TIME_WAIT), std::nullopt);
    ASSERT_TRUE(o.line->time_wait);
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::unknown);
    EXPECT_EQ(run.tracker.totals().unseen, 1u);
}

TEST(MiniSocket, expiry_that_was_not_seen_ends_with_the_next_listing) {
    const Closer c;
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << snapshot(71s, TD_SNAPSHOT_BEGIN) << snapshot(71s + 2ms, TD_SNAPSHOT_END);
    EXPECT_EQ(run.tracker.live(), 0u);
    EXPECT_FALSE(run.tracker.finds_overdue(at(72s)));
    EXPECT_EQ(run.only_outcome().line->seen, tcp::Seen::gap);
    EXPECT_EQ(run.tracker.totals().unseen, 1u);
}

TEST(MiniSocket, every_connection_is_looked_at_for_an_overdue_timer) {
    EventRun run;
    for (unsigned i = 0; i < 100; ++i)
        run << TestSocket{0x10000 + i * 0x100, 100 + i,
                          v4_tuple(static_cast<std::uint16_t>(50000 + i), 80)}
                   .change(1ms + i * 1us, CLOSE, SYN_SENT, 0, 0, kApp);
    const Closer c;
    c.until_mini(run, TIME_WAIT, 60104ms);
    int looks = 1;
    while (!run.tracker.finds_overdue(at(80s)) && looks < 100) ++looks;
    EXPECT_LE(looks, 10);
}

// Cookies can be missing on the one side, and equal on none.
TEST(MiniSocket, unknown_time_wait_that_a_connect_takes_over_is_another_connection) {
    Closer c;
    c.full.cookie = 0;
    c.mini.cookie = 6;
    EventRun run;
    run << c.full.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp)
        << c.mini.timer(10ms + 30us, TD_TIMER_CANCEL, TIME_WAIT, 30s)
        << c.full.change(11ms, SYN_SENT, ESTABLISHED)
        << c.full.change(20ms, ESTABLISHED, CLOSE_WAIT)
        << c.full.change(30ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp)
        << c.full.change(31ms, LAST_ACK, CLOSE);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    const bool is_first = all[0].line->seen == tcp::Seen::whole;
    const synth::Outcome& client = all[is_first ? 0 : 1];
    const synth::Outcome& before = all[is_first ? 1 : 0];
    EXPECT_EQ(client.line->seen, tcp::Seen::whole);
    EXPECT_EQ(client.transitions.size(), 5u);
    EXPECT_EQ(stay(client, SYN_SENT), 1ms);
    ASSERT_TRUE(before.line->time_wait);
    EXPECT_EQ(before.line->time_wait->end, tcp::TimeWaitEnd::reused);
    EXPECT_NE(before.line->seen, tcp::Seen::whole);
    EXPECT_EQ(run.tracker.totals().unseen, 0u);
}

TEST(MiniSocket, hand_over_leaves_the_address_to_others) {
    Closer c;
    c.full.cookie = c.mini.cookie = 0; // nothing but the address could report
    EventRun run;
    c.until_mini(run, FIN_WAIT2, 60104ms);
    run << event::OwnerFound{at(200ms), c.full.address, 0, event::Owner{process(99, "other"), 0, 1},
                             TD_OWNER_ACCEPTED};
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.process, kApp);
    EXPECT_EQ(o.uid, 1000u);
}

TEST(MiniSocket, sweep_shows_a_silent_time_wait_with_its_true_time) {
    const Closer c;
    EventRun run;
    c.until_mini(run, FIN_WAIT2, 60104ms);
    event::SocketListed swept = c.mini.listed_mini(2s, TIME_WAIT, 61s);
    swept.sweep = true;
    run << swept;
    const auto reported = run.collector.outcomes().at(0).transitions.back();
    EXPECT_EQ(reported.from, FIN_WAIT2);
    EXPECT_EQ(reported.to, TIME_WAIT);
    EXPECT_EQ(reported.at, at(1s));
    EXPECT_EQ(reported.dwell, 1s - 101ms);
    c.expire(run, 62s, TIME_WAIT, 61s);
    EXPECT_EQ(stay(run.only_outcome(), TIME_WAIT), 61s);
}

TEST(MiniSocket, entry_stamp_shows_more_than_the_timer_that_a_segment_restarted) {
    const Closer c;
    EventRun run;
    c.until_mini(run, FIN_WAIT2, 60104ms, 104ms);
    c.expire(run, 64s, TIME_WAIT, 63s, 1s); // the FIN came at 1 s, another segment at 3 s
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(stay(o, FIN_WAIT2), 1s - 101ms);
    EXPECT_EQ(stay(o, TIME_WAIT), 63s);
    EXPECT_EQ(o.line->time_wait->restarts, 1u);
}

TEST(MiniSocket, entry_stamp_of_the_start_is_not_that_of_a_fin_without_time_stamp) {
    const Closer c;
    EventRun run;
    c.until_mini(run, FIN_WAIT2, 60104ms, 104ms);
    c.expire(run, 62s, TIME_WAIT, 61s, 104ms);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(stay(o, FIN_WAIT2), 1s - 101ms);
    EXPECT_EQ(stay(o, TIME_WAIT), 61s);
    EXPECT_EQ(o.line->time_wait->restarts, 0u);
}

TEST(MiniSocket, entry_stamp_of_the_start_may_be_rounded_up) {
    const Closer c;
    EventRun run;
    c.until_mini(run, FIN_WAIT2, 60104ms, 104ms);
    c.expire(run, 62s, TIME_WAIT, 61s, 105ms);
    EXPECT_EQ(stay(run.only_outcome(), FIN_WAIT2), 1s - 101ms);
}

TEST(MiniSocket, same_expiry_is_a_moved_timer_and_no_restart) {
    for (const tcp::State substate : {FIN_WAIT2, TIME_WAIT}) {
        const Closer c;
        EventRun run;
        c.until_mini(run, substate, 60104ms);
        run << c.mini.timer(5s, TD_TIMER_CANCEL, substate, 60104ms, {}, TD_STACK_TAKEN)
            << c.mini.timer(5s + 2us, TD_TIMER_START, substate, 60104ms);
        c.expire(run, 61s, substate, 60104ms);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->seen, tcp::Seen::whole);
        EXPECT_EQ(stay(o, substate), substate == FIN_WAIT2 ? 61s - 101ms : 61s - 104ms);
        ASSERT_EQ(o.line->time_wait.has_value(), substate == TIME_WAIT);
        if (substate == TIME_WAIT) {
            EXPECT_EQ(o.line->time_wait->restarts, 0u);
        }
    }
}

TEST(MiniSocket, restart_does_not_start_the_dwell_anew) {
    const Closer c;
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << c.mini.timer(30s, TD_TIMER_CANCEL, TIME_WAIT, 60104ms)
        << c.mini.timer(30s + 2us, TD_TIMER_START, TIME_WAIT, 90s);
    c.expire(run, 91s, TIME_WAIT, 90s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(stay(o, TIME_WAIT), 91s - 104ms);
    EXPECT_EQ(o.line->time_wait->restarts, 1u);
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::expired);
}

TEST(MiniSocket, functions_show_each_restart_and_the_moment_of_the_fin) {
    const Closer c;
    EventRun run;
    c.until_mini(run, FIN_WAIT2, 60104ms);
    run << c.mini.timer(2s, TD_TIMER_REARM, TIME_WAIT, 62s)
        << c.mini.timer(3s, TD_TIMER_REARM, TIME_WAIT, 63s)
        << c.mini.timer(3s + 1us, TD_TIMER_REARM, TIME_WAIT, 63s)
        << c.mini.timer(64s, TD_TIMER_EXPIRE, TIME_WAIT, 63s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(stay(o, FIN_WAIT2), 2s - 101ms);
    EXPECT_EQ(stay(o, TIME_WAIT), 62s);
    EXPECT_EQ(o.line->time_wait->restarts, 2u);
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
}

TEST(MiniSocket, a_kill_is_a_kill_though_events_were_lost_and_a_late_restart_revives_nothing) {
    const Closer c;
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << lost(5s, 0, 1) << c.mini.timer(10s, TD_TIMER_KILL, TIME_WAIT, 60104ms)
        << c.mini.timer(10s + 1us, TD_TIMER_REARM, TIME_WAIT, 70s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::unknown);
    EXPECT_EQ(stay(o, TIME_WAIT), 10s - 104ms);
}

/// The slab hands out the address of the killed mini-socket at once, for the next TIME_WAIT of the
/// same four-tuple.
class SameAddress : public testing::TestWithParam<bool> {};

TEST_P(SameAddress, soon_is_the_next_time_wait_of_the_same_tuple) {
    const Closer c;
    const TestSocket next{0xd000, 8, c.full.tuple};
    const TestSocket next_mini{c.mini.address, 8, c.full.tuple};
    TestSocket portless = next;
    portless.tuple.local.port = 0;
    const unsigned stack =
        GetParam() ? TD_STACK_TAKEN | TD_STACK_DESCHEDULE | TD_STACK_CONNECT : 0u;
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << portless.change(5s, CLOSE, SYN_SENT, 0, 0, kApp)
        << c.mini.timer(5s + 20us, TD_TIMER_CANCEL, TIME_WAIT, 60104ms, {}, stack)
        << event::PortKnown{at(5s + 40us), next.address, next.cookie, next.tuple}
        << next.change(5s + 1ms, SYN_SENT, ESTABLISHED)
        << next.change(5s + 3ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << next.change(5s + 4ms, FIN_WAIT1, FIN_WAIT2)
        << next_mini.timer(5s + 5ms, TD_TIMER_START, TIME_WAIT, 65004ms)
        << next.change(5s + 5ms + 2us, FIN_WAIT2, CLOSE, 0, TD_STATE_ORPHAN | TD_STATE_FIN_RECEIVED)
        << next_mini.timer(66s, TD_TIMER_CANCEL, TIME_WAIT, 65004ms)
        << next_mini.timer(66s + 10us, TD_TIMER_EXPIRE, TIME_WAIT, 65004ms);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    for (const synth::Outcome& o : all) {
        ASSERT_TRUE(o.line && o.line->time_wait) << describe(o);
        EXPECT_EQ(o.line->seen, tcp::Seen::whole);
        EXPECT_EQ(o.line->time_wait->restarts, 0u);
    }
    EXPECT_EQ(all[0].line->time_wait->end, tcp::TimeWaitEnd::reused);
    EXPECT_EQ(all[0].line->closed, at(5s + 20us));
    EXPECT_EQ(all[1].line->time_wait->end, tcp::TimeWaitEnd::expired);
    EXPECT_EQ(stay(all[1], TIME_WAIT), 61s - 5ms + 10us);
}

INSTANTIATE_TEST_SUITE_P(All, SameAddress, testing::Bool(), [](const auto& tested) {
    return tested.param ? "with_stack" : "without_stack";
});

/// Without cookies and stacks, and before the cancelled timer has had its time: the four-tuple's
/// owner shows it.
TEST(MiniSocket, at_the_address_of_one_just_killed_is_that_of_the_four_tuples_owner) {
    Closer c;
    c.full.cookie = c.mini.cookie = 0;
    const TestSocket next{0xf000, 0, c.full.tuple};
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << next.change(5s, CLOSE, SYN_SENT, 0, 0, kApp)
        << c.mini.timer(5s + 20us, TD_TIMER_CANCEL, TIME_WAIT, 60104ms)
        << next.change(5s + 1ms, SYN_SENT, ESTABLISHED)
        << next.change(5s + 3ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << next.change(5s + 4ms, FIN_WAIT1, FIN_WAIT2)
        << c.mini.timer(5s + 5ms, TD_TIMER_START, TIME_WAIT, 65004ms)
        << next.change(5s + 5ms + 2us, FIN_WAIT2, CLOSE, 0, TD_STATE_ORPHAN);
    c.expire(run, 66s, TIME_WAIT, 65004ms);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->closed, at(5s + 20us));
    EXPECT_EQ(all[0].line->time_wait->end, tcp::TimeWaitEnd::reused);
    EXPECT_EQ(all[1].line->time_wait->end, tcp::TimeWaitEnd::expired);
    EXPECT_EQ(stay(all[1], TIME_WAIT), 61s - 5ms);
}

/// connect() from a bound port takes the four-tuple, and gives it back as the TIME_WAIT is too
/// young to be taken over (EADDRNOTAVAIL).
TEST(MiniSocket, goes_on_after_a_connect_that_could_not_take_its_four_tuple) {
    const Closer c;
    const TestSocket next{0xf000, 8, c.full.tuple};
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << next.change(5s, CLOSE, SYN_SENT, 0, 0, kApp)
        << next.change(5s + 10us, SYN_SENT, CLOSE, 0, 0, kApp);
    run.pass_time(at(6s));
    run << c.mini.timer(30s, TD_TIMER_CANCEL, TIME_WAIT, 60104ms)
        << c.mini.timer(30s + 2us, TD_TIMER_START, TIME_WAIT, 90s);
    c.expire(run, 91s, TIME_WAIT, 90s);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(stay(all[0], TIME_WAIT), 91s - 104ms);
    EXPECT_EQ(all[0].line->time_wait->restarts, 1u);
    EXPECT_EQ(all[0].line->seen, tcp::Seen::whole);
}

/// Its ->CLOSE comes after the memory of its socket is another's.
TEST(MiniSocket, whose_full_socket_made_way_is_found_by_the_four_tuple) {
    const Closer c;
    const TestSocket next{c.full.address, 8, v4_tuple(40001, 80)};
    const TestSocket late{0xf000, c.full.cookie, c.full.tuple};
    EventRun run;
    c.until_fin_wait2(run);
    run << c.mini.timer(104ms, TD_TIMER_START, FIN_WAIT2, 60104ms)
        << next.change(105ms, CLOSE, SYN_SENT, 0, 0, kApp)
        << late.change(106ms, FIN_WAIT2, CLOSE, 0, TD_STATE_ORPHAN);
    c.expire(run, 61s, FIN_WAIT2, 60104ms);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->ending, tcp::Ending::fin_wait2_expired);
    EXPECT_EQ(all[0].line->seen, tcp::Seen::whole);
    EXPECT_EQ(all[1].line->ending, tcp::Ending::open);
}

TEST(MiniSocket, foreign_request_does_not_explain_a_kill) {
    const Closer c;
    const TestSocket request{0xf000, 0, v4_tuple(40001, 80)};
    const TestSocket same_tuple_elsewhere{0xf100, 0, c.full.tuple, kNetns + 1};
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << c.mini.timer(5s, TD_TIMER_CANCEL, TIME_WAIT, 60104ms)
        << request.request(5s + 50us, TD_TIMER_START)
        << same_tuple_elsewhere.request(5s + 60us, TD_TIMER_START);
    for (const synth::Outcome& o : run.outcomes()) {
        if (o.role != tcp::Role::client) continue;
        EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::unknown);
        EXPECT_EQ(o.line->closed, at(5s));
    }
}

TEST(MiniSocket, late_request_does_not_explain_a_kill) {
    const Closer c;
    const TestSocket request{0xf000, 0, c.full.tuple};
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << c.mini.timer(5s, TD_TIMER_CANCEL, TIME_WAIT, 60104ms)
        << request.request(5s + 80ms, TD_TIMER_START);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->time_wait->end, tcp::TimeWaitEnd::unknown);
}

TEST(MiniSocket, expiry_seen_only_by_its_handler) {
    const Closer c;
    EventRun run;
    c.until_mini(run, TIME_WAIT, 60104ms);
    run << c.mini.timer(61s, TD_TIMER_EXPIRE, TIME_WAIT, 60104ms);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::expired);
    EXPECT_EQ(stay(o, TIME_WAIT), 61s - 104ms);
}

TEST(MiniSocket, unknown_timer_frequency_leaves_a_silent_change_without_time) {
    const Closer c;
    EventRun run;
    run.feed(
        event::Event(event::ClockReading{{synth::kTestClock.mono, synth::kTestClock.wall, 0, 0}}),
        synth::kTestClock.mono);
    c.until_mini(run, FIN_WAIT2, 60104ms);
    c.expire(run, 62s, TIME_WAIT, 61s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(stay(o, FIN_WAIT2), std::nullopt);
    EXPECT_EQ(stay(o, TIME_WAIT), std::nullopt);
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::expired);
}

} // namespace
} // namespace tcpdwell::test

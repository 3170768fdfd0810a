// SPDX-License-Identifier: Apache-2.0
// Transitions that are recorded twice, or only by the second of two programs (TD_STATE_NESTED). All
// orders of them: tests/property/repetition_property_test.cpp.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

/// A client's connection up to FIN_WAIT2, whose transitions may be given again in between.
class RepeatedRecord : public testing::Test {
protected:
    const TestSocket s{};
    EventRun run;

    event::StateChange again(Nanoseconds when, tcp::State from, tcp::State to) const {
        return s.change(when, from, to, 0, TD_STATE_NESTED);
    }
    void expect_whole() {
        run << s.change(150ms, FIN_WAIT2, CLOSE, 104);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->seen, tcp::Seen::whole);
        EXPECT_EQ(o.transitions.size(), 5U);
        EXPECT_EQ(stay(o, SYN_SENT), 1ms);
        EXPECT_EQ(stay(o, ESTABLISHED), 89ms);
        EXPECT_EQ(stay(o, FIN_WAIT1), 1ms);
        EXPECT_EQ(stay(o, FIN_WAIT2), 49ms);
        EXPECT_EQ(run.tracker.totals().unexpected, 0U);
    }
};

TEST_F(RepeatedRecord, of_the_latest_transition_counts_once) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << again(50ms, SYN_SENT, ESTABLISHED) << s.change(100ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << s.change(101ms, FIN_WAIT1, FIN_WAIT2) << again(120ms, FIN_WAIT1, FIN_WAIT2);
    expect_whole();
}

TEST_F(RepeatedRecord, of_an_earlier_transition_counts_once) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << s.change(100ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << s.change(101ms, FIN_WAIT1, FIN_WAIT2) << again(110ms, SYN_SENT, ESTABLISHED)
        << again(120ms, ESTABLISHED, FIN_WAIT1);
    expect_whole();
}

TEST_F(RepeatedRecord, that_is_the_only_one_is_the_transition) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << again(11ms, SYN_SENT, ESTABLISHED)
        << again(100ms, ESTABLISHED, FIN_WAIT1) << again(101ms, FIN_WAIT1, FIN_WAIT2);
    expect_whole();
}

/// By the same task, a moment later: no transition, but it says who closed.
TEST_F(RepeatedRecord, is_no_close_after_a_shutdown) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
        << s.change(100ms, ESTABLISHED, FIN_WAIT1)
        << s.change(100ms + 50us, FIN_WAIT1, FIN_WAIT1, 0, TD_STATE_RELEASED, process(11, "other"))
        << s.change(101ms, FIN_WAIT1, FIN_WAIT2);
    run << s.change(150ms, FIN_WAIT2, CLOSE, 104);
    EXPECT_EQ(run.only_outcome().closed_by, process(11, "other"));
}

/// The listing was read a moment after the change, and is all that is known.
TEST_F(RepeatedRecord, is_no_change_that_a_listing_has_shown_before_its_event) {
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << s.listed(10ms, CLOSE_WAIT)
        << s.change(10ms + 20us, ESTABLISHED, CLOSE_WAIT) << snapshot(11ms, TD_SNAPSHOT_END)
        << s.change(50ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp) << s.change(51ms, LAST_ACK, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.transitions.size(), 3U);
    EXPECT_EQ(stay(o, CLOSE_WAIT), 40ms - 20us);
    EXPECT_EQ(o.line->seen, tcp::Seen::joined);
}

TEST_F(RepeatedRecord, of_a_connect_counts_once) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << again(10ms + 50us, CLOSE, SYN_SENT)
        << s.change(11ms, SYN_SENT, ESTABLISHED)
        << s.change(100ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << s.change(101ms, FIN_WAIT1, FIN_WAIT2);
    expect_whole();
}

/// The socket is another one, or the same one later, whatever the record says of itself.
TEST_F(RepeatedRecord, of_a_connect_is_of_the_same_call) {
    const auto connections = [&](const event::StateChange& second, int between) {
        EventRun each;
        each << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp);
        if (between == 1) each << s.change(11ms, SYN_SENT, ESTABLISHED);
        if (between == 2) each << lost(11ms, 1);
        each << second;
        return each.outcomes().size();
    };
    const event::StateChange second = again(12ms, CLOSE, SYN_SENT);
    EXPECT_EQ(connections(second, 0), 1u);
    EXPECT_EQ(connections(second, 1), 2u);
    EXPECT_EQ(connections(second, 2), 2u);
    event::StateChange other = second;
    ++other.cookie;
    EXPECT_EQ(connections(other, 0), 2u);
    other = second;
    other.flags = 0;
    EXPECT_EQ(connections(other, 0), 2u);
    other = second;
    ++other.sock;
    ++other.tuple.local.port;
    EXPECT_EQ(connections(other, 0), 2u);
}

TEST_F(RepeatedRecord, of_the_end_makes_no_connection) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, CLOSE, 111);
    run.pass_time(at(1s)); // its line has been reported
    run << again(1s, SYN_SENT, CLOSE);
    EXPECT_EQ(run.outcomes().size(), 1u);
}

TEST_F(RepeatedRecord, is_all_that_is_seen_of_a_socket_that_was_there_before) {
    run << again(10ms, ESTABLISHED, CLOSE_WAIT) << s.change(50ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp)
        << s.change(51ms, LAST_ACK, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::joined);
    EXPECT_EQ(o.line->ending, tcp::Ending::fin);
    EXPECT_TRUE(has_transition(o, ESTABLISHED, CLOSE_WAIT));
    EXPECT_EQ(stay(o, CLOSE_WAIT), 40ms);
}

/// 0.1.0 says of no record that it may be the second one.
TEST_F(RepeatedRecord, without_a_mark_follows_within_a_millisecond) {
    for (const Nanoseconds later : {1ms - 1ns, Nanoseconds(1ms)}) {
        EventRun each;
        each << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED)
             << s.change(50ms, ESTABLISHED, CLOSE_WAIT)
             << s.change(50ms + later, ESTABLISHED, CLOSE_WAIT);
        const bool is_whole = each.only_outcome().line->seen == tcp::Seen::whole;
        EXPECT_EQ(is_whole, later < 1ms);
    }
}

} // namespace
} // namespace tcpdwell::test

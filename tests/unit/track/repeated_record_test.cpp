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
    const TestSocket s;
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

} // namespace
} // namespace tcpdwell::test

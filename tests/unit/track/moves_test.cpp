// SPDX-License-Identifier: Apache-2.0
// Moves and totals where records contradict each other: OutcomeCollector complains of moves that
// don't add up.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

void open_one(EventRun& run, const TestSocket& s) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED);
}

/// The first record of a ->CLOSE is lost, the second says CLOSE -> CLOSE; then the socket lives.
TEST(Moves, of_a_socket_that_was_closed_and_is_not_name_no_close) {
    const TestSocket s;
    EventRun run;
    open_one(run, s);
    run << lost(50ms, 1) << s.change(100ms, CLOSE, CLOSE, 0, 0, kApp)
        << s.change(200ms, ESTABLISHED, CLOSE_WAIT);
    const synth::Outcome o = run.only_outcome(); // complaints fail it
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_TRUE(has_transition(o, ESTABLISHED, CLOSE_WAIT));
}

/// A socket that was connected before it listens keeps the peer's address in the kernel.
TEST(Moves, of_a_listener_with_the_address_of_a_former_peer_are_no_connection) {
    const TestSocket s;
    EventRun run;
    run << s.change(10ms, CLOSE, LISTEN, 0, 0, kApp) << s.change(20ms, LISTEN, CLOSE, 0, 0, kApp);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_FALSE(all[0].line);
    EXPECT_TRUE(all[0].tuple.remote.empty());
    EXPECT_EQ(run.tracker.totals().connections, 0u);
}

struct NextAtAddress {
    const TestSocket s{};
    const TestSocket next{s.address, s.cookie + 1, v4_tuple(81)};

    void open_next(EventRun& run, Nanoseconds when) const {
        run << next.change(when, CLOSE, SYN_SENT, 0, 0, kApp);
    }
};

TEST(Unexpected, is_a_new_socket_at_the_address_of_one_whose_end_was_missed) {
    const NextAtAddress n;
    EventRun run;
    open_one(run, n.s);
    n.open_next(run, 500ms);
    run.outcomes();
    EXPECT_EQ(run.tracker.totals().unexpected, 1u);
}

TEST(Unexpected, is_no_new_socket_at_the_address_of_one_that_has_just_ended) {
    const NextAtAddress n;
    EventRun run;
    open_one(run, n.s);
    run << n.s.change(51ms, ESTABLISHED, CLOSE, 104);
    n.open_next(run, 51ms + 5us);
    run.outcomes();
    EXPECT_EQ(run.tracker.totals().unexpected, 0u);
}

TEST(Unexpected, is_no_new_socket_at_an_address_when_recording_has_stopped) {
    const NextAtAddress n;
    EventRun run;
    open_one(run, n.s);
    run << event::RecordingStopped{at(50ms)};
    n.open_next(run, 50ms + 5us); // a program was still at it
    run.outcomes();
    EXPECT_EQ(run.tracker.totals().unexpected, 0u);
}

} // namespace
} // namespace tcpdwell::test

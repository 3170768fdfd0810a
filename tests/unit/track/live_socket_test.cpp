// SPDX-License-Identifier: Apache-2.0
// How long a socket has been in its state, as for_each_live reports it: exactly where the
// beginning was seen, else at least since it was found there.
#include "events.h"

namespace tcpdwell::test {
namespace {

/// The only connection that is there.
struct Age {
    tcp::State state = CLOSE;
    std::optional<MonoTime> since;
    MonoTime known_since{};
};

Age only_live(const EventRun& run) {
    Age age;
    int count = 0;
    run.tracker.for_each_live([&](const track::LiveSocket& s) {
        age = {s.state, s.since, s.known_since};
        ++count;
    });
    EXPECT_EQ(count, 1);
    return age;
}

void expect_exactly(const EventRun& run, tcp::State state, Nanoseconds since) {
    const Age age = only_live(run);
    EXPECT_EQ(age.state, state);
    EXPECT_EQ(age.since, at(since));
    EXPECT_EQ(age.known_since, at(since));
}

void expect_at_least(const EventRun& run, tcp::State state, Nanoseconds since) {
    const Age age = only_live(run);
    EXPECT_EQ(age.state, state);
    EXPECT_EQ(age.since, std::nullopt);
    EXPECT_EQ(age.known_since, at(since));
}

TEST(LiveSocket, knows_when_its_state_began) {
    const TestSocket s{};
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, process(1, "app"));
    expect_exactly(run, SYN_SENT, 10ms);
    run << s.change(12ms, SYN_SENT, ESTABLISHED);
    expect_exactly(run, ESTABLISHED, 12ms);
    run << s.change(50ms, ESTABLISHED, ESTABLISHED, 0, 0, process(1, "app")); // goes on
    expect_exactly(run, ESTABLISHED, 12ms);
}

TEST(LiveSocket, found_in_a_listing_is_at_least_so_old) {
    const TestSocket s{};
    EventRun run;
    run << snapshot(10ms, TD_SNAPSHOT_BEGIN) << s.listed(10ms, ESTABLISHED)
        << snapshot(11ms, TD_SNAPSHOT_END);
    expect_at_least(run, ESTABLISHED, 10ms);
    run << snapshot(500ms, TD_SNAPSHOT_BEGIN) << s.listed(500ms, ESTABLISHED)
        << snapshot(501ms, TD_SNAPSHOT_END);
    expect_at_least(run, ESTABLISHED, 10ms);
    run << s.change(600ms, ESTABLISHED, CLOSE_WAIT);
    expect_exactly(run, CLOSE_WAIT, 600ms);
}

TEST(LiveSocket, found_in_time_wait_is_as_old_as_its_timer_says) {
    const TestSocket s{};
    EventRun run;
    run << snapshot(30s, TD_SNAPSHOT_BEGIN) << s.listed_mini(30s, TIME_WAIT, 70s)
        << snapshot(30s, TD_SNAPSHOT_END);
    expect_exactly(run, TIME_WAIT, 10s);
}

TEST(LiveSocket, found_in_another_state_is_there_since_it_was_found) {
    const TestSocket s{};
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, process(1, "app"))
        << s.change(12ms, SYN_SENT, ESTABLISHED) << lost(500ms, 1)
        << snapshot(900ms, TD_SNAPSHOT_BEGIN) << s.listed(900ms, CLOSE_WAIT)
        << snapshot(901ms, TD_SNAPSHOT_END);
    expect_at_least(run, CLOSE_WAIT, 900ms);
}

TEST(LiveSocket, may_be_a_younger_one_after_a_loss) {
    TestSocket s{};
    s.cookie = 0; // nothing reports it from the next socket at its address
    EventRun run;
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, process(1, "app"))
        << s.change(12ms, SYN_SENT, ESTABLISHED) << s.change(20ms, ESTABLISHED, FIN_WAIT1)
        << s.change(21ms, FIN_WAIT1, FIN_WAIT2) << lost(500ms, 1)
        << s.change(900ms, FIN_WAIT2, FIN_WAIT2, 0, 0, process(1, "app"));
    expect_at_least(run, FIN_WAIT2, 900ms);
}

/// The socket may have been closed and listen again: that shows no cookie.
TEST(LiveSocket, listener_may_be_another_after_a_loss) {
    for (const bool some_lost : {false, true}) {
        TestSocket s{};
        s.tuple.remote = {};
        EventRun run;
        run << s.change(10ms, CLOSE, LISTEN, 0, 0, process(1, "app"));
        if (some_lost) run << lost(500ms, 1);
        run << s.change(900ms, LISTEN, CLOSE, 0, 0, process(1, "app"));
        const std::vector<synth::Outcome> all = run.outcomes();
        ASSERT_EQ(all.size(), 1u);
        EXPECT_EQ(all[0].transitions.back().dwell,
                  some_lost ? std::nullopt : std::optional<Nanoseconds>(890ms));
    }
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What sock_diag lists has no kernel address: events that have one must find it all the same, and
// no socket may be two connections. (What a listing with addresses does just so:
// listed_sockets_test.cpp.)
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

TestSocket by_tuple(TestSocket s) {
    s.listed_by_address = false;
    return s;
}

void list(EventRun& run, Nanoseconds when, const event::SocketListed& socket) {
    run << snapshot(when - 1ms, TD_SNAPSHOT_BEGIN) << socket
        << snapshot(when + 1ms, TD_SNAPSHOT_END);
}

TEST(Addressless, first_event_shows_the_address) {
    const TestSocket s = by_tuple({});
    EventRun run;
    list(run, 10ms, s.listed(10ms, ESTABLISHED));
    run << s.change(110ms, ESTABLISHED, CLOSE_WAIT)
        << s.change(160ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp) << s.change(161ms, LAST_ACK, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::joined);
    EXPECT_EQ(o.line->ending, tcp::Ending::fin);
    EXPECT_EQ(stay(o, ESTABLISHED), std::nullopt);
    EXPECT_EQ(stay(o, CLOSE_WAIT), 50ms);
    EXPECT_EQ(o.uid, 1000u);
}

TEST(Addressless, reset_finds_its_socket_by_the_cookie) {
    const TestSocket s = by_tuple({});
    EventRun run;
    list(run, 10ms, s.listed(10ms, ESTABLISHED));
    run << event::Reset{at(50ms), s.address, s.cookie, TD_RESET_SENT, TD_REASON_KEEPALIVE, false, 1}
        << s.change(50ms, ESTABLISHED, CLOSE, ETIMEDOUT);
    EXPECT_EQ(run.only_outcome().line->detail,
              tcp::EndingDetail::keepalive); // without the RST it were a retransmission
}

TEST(Addressless, owner_finds_its_socket_by_the_cookie) {
    const TestSocket s = by_tuple({});
    EventRun run;
    list(run, 10ms, s.listed(10ms, ESTABLISHED));
    run << event::OwnerFound{at(12ms), 0, s.cookie, event::Owner{kApp, std::nullopt, 0},
                             TD_OWNER_HOLDS}
        << s.change(50ms, ESTABLISHED, CLOSE, ETIMEDOUT);
    EXPECT_EQ(run.only_outcome().process, kApp);
}

TEST(Addressless, sockets_of_one_moment_are_different_connections) {
    const TestSocket a = by_tuple({0x1000, 1, v4_tuple(80, 1)});
    const TestSocket b = by_tuple({0x2000, 2, v4_tuple(80, 2)});
    EventRun run;
    run << snapshot(9ms, TD_SNAPSHOT_BEGIN) << a.listed(10ms, ESTABLISHED)
        << b.listed(10ms, ESTABLISHED) << snapshot(11ms, TD_SNAPSHOT_END);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_NE(all[0].tuple, all[1].tuple);
}

TEST(Addressless, mini_socket_ends_the_connection_that_was_listed) {
    const TestSocket mini = by_tuple({0xe000, 7});
    EventRun run;
    list(run, 40s, mini.listed_mini(40s, TIME_WAIT, 60s));
    run << mini.timer(61s, TD_TIMER_CANCEL, TIME_WAIT, 60s)
        << mini.timer(61s + 10us, TD_TIMER_EXPIRE, TIME_WAIT, 60s);
    const synth::Outcome o = run.only_outcome();
    ASSERT_TRUE(o.line->time_wait);
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::expired);
    EXPECT_EQ(o.line->time_wait->dwell, 61s + 10us);
}

TEST(Addressless, timer_that_was_not_reported_leaves_the_beginning_unknown) {
    const TestSocket mini = by_tuple({0xe000, 7});
    event::SocketListed due = mini.listed_mini(61s, TIME_WAIT, 60s);
    due.expires.reset();
    EventRun run;
    list(run, 61s, due);
    run << mini.timer(62s, TD_TIMER_CANCEL, TIME_WAIT, 60s, {}, TD_STACK_TAKEN | TD_STACK_ABORT);
    EXPECT_EQ(run.only_outcome().line->time_wait->dwell, std::nullopt);
}

TEST(Addressless, sweep_shows_when_time_wait_began) {
    const TestSocket s = by_tuple({});
    const TestSocket mini = by_tuple({0xe000, s.cookie});
    EventRun run;
    run << s.change(0ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(1ms, SYN_SENT, ESTABLISHED)
        << s.change(2ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp) << s.change(3ms, FIN_WAIT1, FIN_WAIT2)
        << mini.timer(3ms, TD_TIMER_START, FIN_WAIT2, 60s) << s.change(3ms, FIN_WAIT2, CLOSE);
    event::SocketListed swept = mini.listed_mini(2s, TIME_WAIT, 61s);
    swept.sweep = true;
    run << swept << mini.timer(62s, TD_TIMER_CANCEL, TIME_WAIT, 61s)
        << mini.timer(62s + 10us, TD_TIMER_EXPIRE, TIME_WAIT, 61s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, FIN_WAIT2), 997ms);
}

TEST(Addressless, time_wait_without_a_time_waits_for_one) {
    const TestSocket s = by_tuple({});
    const TestSocket mini = by_tuple({0xe000, s.cookie});
    for (const bool swept : {false, true}) {
        EventRun run;
        run << s.change(0ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(1ms, SYN_SENT, ESTABLISHED)
            << s.change(2ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
            << s.change(3ms, FIN_WAIT1, FIN_WAIT2)
            << mini.timer(3ms, TD_TIMER_START, FIN_WAIT2, 60s) << s.change(3ms, FIN_WAIT2, CLOSE);
        event::SocketListed listed = mini.listed_mini(2s, TIME_WAIT, 61s);
        listed.expires.reset();
        listed.sweep = swept; // a sweep has tried its best: nobody else will report
        if (swept)
            run << listed;
        else
            list(run, 2s, listed);
        run << mini.timer(62s, TD_TIMER_CANCEL, TIME_WAIT, 61s)
            << mini.timer(62s + 10us, TD_TIMER_EXPIRE, TIME_WAIT, 61s);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->seen, tcp::Seen::whole);
        EXPECT_EQ(stay(o, FIN_WAIT2), swept ? std::nullopt : std::optional<Nanoseconds>(997ms));
    }
}

TEST(Addressless, request_goes_on_where_it_was_listed) {
    const TestSocket request = by_tuple({0xf000, 5});
    for (const td_timer_op first : {TD_TIMER_CANCEL, TD_TIMER_START}) {
        EventRun run;
        list(run, 10ms, request.listed_request(10ms, 0xa000));
        if (first == TD_TIMER_START) { // the SYN-ACK is sent again
            event::RequestTimer again = request.request(500ms, TD_TIMER_START);
            again.timeouts = 1;
            run << again;
        }
        run << request.request(1500ms, TD_TIMER_CANCEL);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.line->ending, tcp::Ending::handshake_failed);
        EXPECT_EQ(o.line->seen, tcp::Seen::joined);
    }
}

TEST(Addressless, child_takes_over_the_request_that_was_listed) {
    const TestSocket request = by_tuple({0xf000, 5});
    const TestSocket child{0x7000, 5};
    EventRun run;
    list(run, 10ms, request.listed_request(10ms, 0));
    run << child.change(50ms, LISTEN, SYN_RECV) << request.request(50ms, TD_TIMER_CANCEL)
        << child.change(50ms, SYN_RECV, ESTABLISHED)
        << child.change(80ms, ESTABLISHED, CLOSE, ECONNRESET);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::joined);
    EXPECT_EQ(stay(o, ESTABLISHED), 30ms);
}

TEST(Addressless, child_that_a_listing_shows_in_place_of_its_request_is_known_by_its_cookie) {
    const TestSocket request{0xf000, 0};
    const TestSocket child = by_tuple({0x7000, 9});
    EventRun run;
    run << request.request(1ms, TD_TIMER_START) << lost(50ms, 1);
    list(run, 500ms, child.listed(500ms, ESTABLISHED));
    run << event::OwnerFound{at(600ms), 0, child.cookie, event::Owner{kApp, std::nullopt, 0},
                             TD_OWNER_HOLDS};
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.process, kApp);
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(o.line->ending, tcp::Ending::open);
}

TEST(Addressless, connect_without_a_port_is_not_joined) {
    TestSocket s = by_tuple({.cookie = 0});
    const tcp::FourTuple named = s.tuple;
    s.tuple.local.port = 0;
    EventRun run;
    run << s.change(0ms, CLOSE, SYN_SENT, 0, 0, kApp);
    s.tuple = named;
    for (const Nanoseconds when : {10ms, 500ms}) list(run, when, s.listed(when, SYN_SENT));
    run << s.reset_received(600ms) << s.change(600ms, SYN_SENT, CLOSE, ECONNREFUSED);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(o.line->ending, tcp::Ending::refused);
    EXPECT_EQ(stay(o, SYN_SENT), 600ms);
}

TEST(Addressless, connect_to_another_peer_is_joined) {
    TestSocket known = by_tuple({.cookie = 0});
    known.tuple.local.port = 0;
    const TestSocket other = by_tuple({0x2000, 9, v4_tuple(90, 50001)});
    EventRun run;
    run << known.change(0ms, CLOSE, SYN_SENT, 0, 0, kApp);
    list(run, 10ms, other.listed(10ms, SYN_SENT));
    EXPECT_EQ(run.outcomes().size(), 2u);
}

TEST(Addressless, connect_without_a_port_to_a_peer_that_is_not_listed_is_gone) {
    TestSocket known = by_tuple({.cookie = 0});
    known.tuple.local.port = 0;
    const TestSocket other = by_tuple({0x2000, 9, v4_tuple(90, 50001)});
    EventRun run;
    run << known.change(0ms, CLOSE, SYN_SENT, 0, 0, kApp);
    list(run, 1s, other.listed(1s, SYN_SENT));
    EXPECT_EQ(run.tracker.live(), 1u);
}

TEST(Addressless, connect_after_all_others_to_that_peer_have_ended_is_joined) {
    TestSocket first = by_tuple({.cookie = 0});
    const tcp::FourTuple named = first.tuple;
    first.tuple.local.port = 0;
    EventRun run;
    run << first.change(0ms, CLOSE, SYN_SENT, 0, 0, kApp);
    first.tuple = named;
    list(run, 30ms, first.listed(30ms, SYN_SENT));
    run << first.reset_received(50ms) << first.change(50ms, SYN_SENT, CLOSE, ECONNREFUSED);
    TestSocket second = by_tuple({0x2000, 9, named});
    ++second.tuple.local.port;
    list(run, 500ms, second.listed(500ms, SYN_SENT));
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->ending, tcp::Ending::refused);
    EXPECT_EQ(all[1].line->ending, tcp::Ending::open);
}

struct Listeners : testing::Test {
    static TestSocket listener(std::uint64_t address, std::uint64_t cookie) {
        TestSocket l = by_tuple({address, cookie});
        l.tuple.remote = {};
        return l;
    }
    EventRun run;
};

TEST_F(Listeners, are_listed_once_and_closed_once) {
    const TestSocket l = listener(0x1000, 3);
    for (const Nanoseconds when : {10ms, 500ms, 900ms}) list(run, when, l.listed(when, LISTEN));
    EXPECT_EQ(run.tracker.live(), 1u);
    run << l.change(1s, LISTEN, CLOSE, 0, 0, kApp);
    run.pass_time(at(2s));
    EXPECT_EQ(run.tracker.live(), 0u);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_FALSE(all[0].line) << "a listener is no connection";
    EXPECT_EQ(all[0].transitions.size(), 1u);
}

TEST_F(Listeners, at_one_port_are_as_many_as_are_listed) {
    const TestSocket born[] = {listener(0x1000, 0), listener(0x2000, 0)};
    for (const TestSocket& l : born) run << l.change(1ms, CLOSE, LISTEN, 0, 0, kApp);
    for (const Nanoseconds when : {10ms, 500ms})
        run << snapshot(when, TD_SNAPSHOT_BEGIN) << listener(0x1000, 3).listed(when, LISTEN)
            << listener(0x2000, 4).listed(when, LISTEN) << listener(0x3000, 5).listed(when, LISTEN)
            << snapshot(when + 1ms, TD_SNAPSHOT_END);
    EXPECT_EQ(run.tracker.live(), 3u);
    for (const TestSocket& l : {listener(0x1000, 3), listener(0x2000, 4), listener(0x3000, 5)})
        run << l.change(1s, LISTEN, CLOSE, 0, 0, kApp);
    run.pass_time(at(2s));
    EXPECT_EQ(run.tracker.live(), 0u);
    EXPECT_EQ(run.tracker.totals().unexpected, 0u);
}

/// Without cookies one listed listener stands for one known one: not for one that has just closed.
TEST_F(Listeners, that_just_closed_are_not_the_ones_that_are_listed) {
    for (const std::uint64_t address : {0x1000, 0x2000})
        run << listener(address, 0).change(1ms, CLOSE, LISTEN, 0, 0, kApp);
    run << snapshot(999ms, TD_SNAPSHOT_BEGIN)
        << listener(0x2000, 0).change(1s, LISTEN, CLOSE, 0, 0, kApp)
        << listener(0x1000, 3).listed(1s + 1ms, LISTEN) << snapshot(1s + 2ms, TD_SNAPSHOT_END);
    run.pass_time(at(2s));
    EXPECT_EQ(run.tracker.live(), 1u);
    EXPECT_EQ(run.tracker.totals().unexpected, 0u);
}

} // namespace
} // namespace tcpdwell::test

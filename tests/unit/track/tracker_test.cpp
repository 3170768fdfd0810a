// SPDX-License-Identifier: Apache-2.0
// The tracker as its user sees it: what is held, what is handed out when, and what happens for want
// of room.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

TestSocket numbered(unsigned n) {
    return {0xd000 + 0x1000ull * n, 100 + n, v4_tuple(static_cast<tcp::Port>(40000 + n), 80)};
}

void establish(EventRun& run, const TestSocket& s, Nanoseconds when) {
    run << s.change(when, CLOSE, SYN_SENT, 0, 0, kApp)
        << s.change(when + 1ms, SYN_SENT, ESTABLISHED);
}

TEST(Tracker, gives_up_the_least_recently_active_for_want_of_room) {
    EventRun run(track::TrackerOptions{.max_connections = 2});
    establish(run, numbered(1), 10ms);
    establish(run, numbered(2), 20ms);
    run << numbered(1).change(30ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp);
    establish(run, numbered(3), 40ms);
    EXPECT_EQ(run.tracker.live(), 2u);
    EXPECT_EQ(run.tracker.totals().evicted, 1u);
    for (const synth::Outcome& o : run.outcomes()) {
        ASSERT_TRUE(o.line);
        EXPECT_EQ(o.line->seen, o.cookie == 102 ? tcp::Seen::gap : tcp::Seen::whole);
        EXPECT_EQ(o.line->ending, o.cookie == 102 ? tcp::Ending::unknown : tcp::Ending::open);
        EXPECT_EQ(o.line->closed, std::nullopt);
    }
    EXPECT_EQ(run.tracker.totals().connections, 2u) << "what is given up has not ended";
    EXPECT_EQ(run.tracker.live(), 0u);
}

TEST(Tracker, holds_no_more_than_allowed_whatever_comes) {
    EventRun run(track::TrackerOptions{.max_connections = 8});
    for (unsigned n = 0; n < 500; ++n) {
        establish(run, numbered(n), 10ms + n * 2ms);
        ASSERT_LE(run.tracker.live(), 8u);
    }
    EXPECT_EQ(run.outcomes().size(), 500u);
    EXPECT_EQ(run.tracker.totals().evicted, 492u);
}

/// No one knows how it went on: neither as an end, nor as one that was there before the run.
TEST(Tracker, what_is_given_up_is_no_end_and_nothing_new_when_it_comes_back) {
    EventRun run(track::TrackerOptions{.max_connections = 1});
    establish(run, numbered(1), 10ms);
    establish(run, numbered(2), 20ms); // the first is given up
    run << numbered(1).change(30ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp);
    EXPECT_EQ(run.tracker.totals().evicted, 2u);
    EXPECT_EQ(run.tracker.totals().connections, 0u);
    run.tracker.for_each_live(
        [](const track::LiveSocket& socket) { EXPECT_EQ(socket.seen, tcp::Seen::gap); });
    run.outcomes();
    EXPECT_EQ(run.tracker.totals().connections, 1u);
}

TEST(Tracker, ends_that_wait_for_evidence_stay_ends_for_want_of_room) {
    EventRun run(track::TrackerOptions{.max_connections = 1});
    run << numbered(1).change(10ms, CLOSE, SYN_SENT, 0, 0, kApp)
        << numbered(1).change(11ms, SYN_SENT, CLOSE, 0, 0, kApp);
    establish(run, numbered(2), 12ms);
    EXPECT_EQ(run.tracker.totals().evicted, 0u);
    EXPECT_EQ(run.tracker.totals().connections, 1u);
}

TEST(Tracker, settles_at_the_end_of_time) {
    EventRun run;
    establish(run, numbered(1), 10ms);
    run << numbered(1).change(20ms, ESTABLISHED, CLOSE, 0, 0, kApp);
    run.tracker.settle(MonoTime::max());
    EXPECT_EQ(run.tracker.totals().connections, 1u);
    EXPECT_EQ(run.tracker.live(), 0u);
}

TEST(Tracker, birth_of_a_client_waits_for_its_port) {
    TestSocket s = numbered(1);
    TestSocket portless = s;
    portless.tuple.local.port = 0;
    EventRun run;
    run << portless.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp);
    run.pass_time(at(15ms));
    EXPECT_TRUE(run.collector.outcomes().empty());
    run << event::PortKnown{at(16ms), s.address, s.cookie, s.tuple};
    ASSERT_EQ(run.collector.outcomes().size(), 1u);
    EXPECT_EQ(run.collector.outcomes()[0].tuple, s.tuple);
    EXPECT_EQ(run.collector.outcomes()[0].transitions.at(0).at, at(10ms));
}

TEST(Tracker, birth_of_a_client_does_not_wait_for_ever) {
    TestSocket s = numbered(1);
    TestSocket portless = s;
    portless.tuple.local.port = 0;
    EventRun run;
    run << portless.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp);
    run.pass_time(at(40ms));
    EXPECT_TRUE(run.collector.outcomes().empty());
    run.pass_time(at(70ms));
    ASSERT_EQ(run.collector.outcomes().size(), 1u);
    EXPECT_EQ(run.collector.outcomes()[0].tuple.local.port, 0);
    run << s.change(100ms, SYN_SENT, ESTABLISHED) << s.change(200ms, ESTABLISHED, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.tuple, s.tuple);
    EXPECT_EQ(stay(o, SYN_SENT), 90ms);
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
}

TEST(Tracker, birth_of_a_client_waits_on_where_its_port_is_still_not_known) {
    TestSocket s = numbered(1);
    TestSocket portless = s;
    portless.tuple.local.port = 0;
    EventRun run;
    run << portless.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp)
        << event::PortKnown{at(11ms), s.address, s.cookie, portless.tuple};
    EXPECT_TRUE(run.collector.outcomes().empty());
    run << event::PortKnown{at(12ms), s.address, s.cookie, s.tuple};
    ASSERT_EQ(run.collector.outcomes().size(), 1u);
    EXPECT_EQ(run.collector.outcomes()[0].tuple, s.tuple);
}

TEST(Tracker, port_of_another_socket_at_that_address_is_not_the_client_s) {
    const TestSocket s = numbered(1);
    TestSocket portless = s;
    portless.tuple.local.port = 0;
    const auto port_after = [&](event::PortKnown known, bool ended = false) {
        EventRun run;
        run << portless.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp);
        if (ended) run << portless.change(10ms, SYN_SENT, CLOSE);
        run << known;
        return run.only_outcome().tuple.local.port;
    };
    const event::PortKnown own{at(11ms), s.address, s.cookie, s.tuple};
    EXPECT_EQ(port_after(own), s.tuple.local.port);
    EXPECT_EQ(port_after(own, true), 0) << "it is over";
    event::PortKnown other = own;
    other.cookie = s.cookie + 1;
    EXPECT_EQ(port_after(other), 0);
    other.cookie = 0; // not known: the address says enough
    EXPECT_EQ(port_after(other), s.tuple.local.port);
    other = own;
    ++other.sock;
    EXPECT_EQ(port_after(other), 0);
    other = own;
    ++other.tuple.remote.port;
    EXPECT_EQ(port_after(other), 0);
}

TEST(Tracker, request_whose_timer_is_cancelled_again_has_its_whole_time_again) {
    const TestSocket request{.cookie = 0};
    const TestSocket child{0xffff888000002000, 9};
    EventRun run;
    run << request.request(1ms, TD_TIMER_START) << request.request(50ms, TD_TIMER_CANCEL)
        << request.request(51ms, TD_TIMER_START) << request.request(60ms, TD_TIMER_CANCEL);
    run.pass_time(at(75ms)); // 25 ms after the first
    run << child.change(75ms, SYN_RECV, ESTABLISHED);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->ending, tcp::Ending::open);
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, SYN_RECV), 74ms);
}

TEST(Tracker, mini_socket_whose_timer_is_cancelled_again_has_its_whole_time_again) {
    const TestSocket mini{.address = 0xe000};
    EventRun run;
    run << mini.timer(1ms, TD_TIMER_START, TIME_WAIT, 60s)
        << mini.timer(5s, TD_TIMER_CANCEL, TIME_WAIT, 60s)
        << mini.timer(5s + 2us, TD_TIMER_START, TIME_WAIT, 65s)
        << mini.timer(5s + 15ms, TD_TIMER_CANCEL, TIME_WAIT, 65s);
    run.pass_time(at(5s + 30ms)); // 30 ms after the first
    run << mini.timer(5s + 30ms, TD_TIMER_START, TIME_WAIT, 66s)
        << mini.timer(67s, TD_TIMER_EXPIRE, TIME_WAIT, 66s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->closed, at(67s));
    EXPECT_EQ(o.line->time_wait->restarts, 2u);
}

TEST(Tracker, next_event_shows_the_port_too) {
    TestSocket s = numbered(1);
    TestSocket portless = s;
    portless.tuple.local.port = 0;
    EventRun run;
    run << portless.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp)
        << s.change(11ms, SYN_SENT, CLOSE, 111);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.tuple, s.tuple);
    ASSERT_EQ(o.transitions.size(), 2u);
    EXPECT_EQ(o.transitions[0].to, SYN_SENT);
}

TEST(Tracker, connection_line_waits_for_a_late_reset) {
    const TestSocket s = numbered(1);
    EventRun run;
    establish(run, s, 10ms);
    event::StateChange abort =
        s.change(100ms, ESTABLISHED, CLOSE, 0, TD_STATE_HAS_SOCKET | TD_STATE_LINGER_ZERO, kApp);
    abort.shutdown = 3;
    run << abort;
    run.pass_time(at(110ms));
    EXPECT_FALSE(run.collector.outcomes().at(0).line);
    EXPECT_EQ(run.collector.outcomes().at(0).transitions.size(), 3u);
    run << event::Reset{at(112ms), s.address, s.cookie, TD_RESET_SENT, TD_REASON_UNKNOWN, false, 7};
    run.pass_time(at(200ms));
    ASSERT_TRUE(run.collector.outcomes().at(0).line);
    EXPECT_EQ(run.collector.outcomes()[0].line->detail, tcp::EndingDetail::so_linger_zero);
    EXPECT_EQ(run.tracker.live(), 0u);
}

TEST(Tracker, self_transition_does_not_start_the_dwell_anew) {
    const TestSocket s = numbered(1);
    EventRun run;
    establish(run, s, 10ms);
    run << s.change(100ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << s.change(110ms, FIN_WAIT1, FIN_WAIT1, 0, 0, process(11, "other"))
        << s.change(120ms, FIN_WAIT1, FIN_WAIT2)
        << s.change(130ms, FIN_WAIT2, FIN_WAIT2, 0, 0, process(11, "other"))
        << s.change(150ms, FIN_WAIT2, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(stay(o, FIN_WAIT1), 20ms);
    EXPECT_EQ(stay(o, FIN_WAIT2), 30ms);
    EXPECT_EQ(o.transitions.size(), 5u);
    EXPECT_EQ(o.closed_by, kApp);
}

TEST(Tracker, transition_recorded_twice_counts_once) {
    const TestSocket s = numbered(1);
    EventRun run;
    establish(run, s, 10ms);
    run << s.change(100ms, ESTABLISHED, CLOSE_WAIT)
        << s.change(100ms + 2us, ESTABLISHED, CLOSE_WAIT)
        << s.change(200ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp)
        << s.change(200ms + 3us, CLOSE_WAIT, LAST_ACK, 0, 0, kApp)
        << s.change(201ms, LAST_ACK, CLOSE) << s.change(201ms + 1us, LAST_ACK, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(o.transitions.size(), 5u);
    EXPECT_EQ(stay(o, CLOSE_WAIT), 100ms);
    EXPECT_EQ(run.tracker.totals().unexpected, 0u);
}

TEST(Tracker, same_tuple_in_two_namespaces_is_two_connections) {
    const TestSocket here = numbered(1);
    const TestSocket there{0xa000, 5, here.tuple, kNetns + 1};
    EventRun run;
    establish(run, here, 10ms);
    establish(run, there, 10ms + 10us);
    const TestSocket mini_there{0xb000, 5, here.tuple, kNetns + 1};
    run << there.change(20ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << there.change(21ms, FIN_WAIT1, FIN_WAIT2)
        << mini_there.timer(21ms + 1us, TD_TIMER_START, TIME_WAIT, 60s)
        << there.change(21ms + 2us, FIN_WAIT2, CLOSE, 0, TD_STATE_ORPHAN);
    std::map<std::uint32_t, tcp::State> live;
    run.tracker.for_each_live([&](const track::LiveSocket& s) { live[s.who.netns] = s.state; });
    EXPECT_EQ(live, (std::map<std::uint32_t, tcp::State>{{kNetns, ESTABLISHED},
                                                         {kNetns + 1, TIME_WAIT}}));
    EXPECT_EQ(run.outcomes().size(), 2u);
}

TEST(Tracker, ids_depend_on_the_events_alone) {
    std::vector<track::ConnectionId> ids[2];
    for (auto& list : ids) {
        EventRun run;
        establish(run, numbered(1), 10ms);
        establish(run, numbered(2), 20ms);
        run.tracker.for_each_live([&](const track::LiveSocket& s) { list.push_back(s.who.id); });
        std::sort(list.begin(), list.end());
    }
    EXPECT_EQ(ids[0], ids[1]);
    EXPECT_NE(ids[0].at(0), ids[0].at(1));
}

TEST(Tracker, finish_shows_what_is_open) {
    const TestSocket s = numbered(1);
    EventRun run;
    establish(run, s, 10ms);
    run << s.change(100ms, ESTABLISHED, CLOSE_WAIT);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->ending, tcp::Ending::open);
    EXPECT_EQ(o.line->closed_first, tcp::ClosedFirst::remote);
    EXPECT_EQ(o.line->closed, std::nullopt);
    ASSERT_EQ(o.line->states.size(), 3u);
    EXPECT_EQ(o.line->states[2].state, CLOSE_WAIT);
    EXPECT_EQ(o.line->states[2].dwell, std::nullopt);
}

} // namespace
} // namespace tcpdwell::test

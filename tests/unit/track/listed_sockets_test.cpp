// SPDX-License-Identifier: Apache-2.0
// The listing of sockets against the events of the same moment: what is listed may be gone
// already, what isn't listed may be gone for good.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

/// A connection that a client opened and established, cookie or not.
void establish(EventRun& run, const TestSocket& s) {
    run << s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp) << s.change(11ms, SYN_SENT, ESTABLISHED);
}

/// The cookie that events show, and whether listings show addresses.
class Cookies : public testing::TestWithParam<std::tuple<std::uint64_t, bool>> {
protected:
    TestSocket s{.cookie = std::get<0>(GetParam()), .listed_by_address = std::get<1>(GetParam())};
};

TEST_P(Cookies, known_socket_is_not_joined_again) {
    EventRun run;
    establish(run, s);
    run << snapshot(50ms, TD_SNAPSHOT_BEGIN) << s.listed(51ms, ESTABLISHED)
        << snapshot(52ms, TD_SNAPSHOT_END);
    run << s.change(111ms, ESTABLISHED, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, ESTABLISHED), 100ms);
}

TEST_P(Cookies, a_connect_that_waits_is_known_by_its_address_though_not_by_its_port) {
    if (!s.listed_by_address && s.cookie == 0) GTEST_SKIP() << "nothing identifies it then";
    TestSocket portless = s;
    portless.tuple.local.port = 0;
    EventRun run;
    run << portless.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp);
    run.pass_time(at(100ms)); // longer than its beginning is held for the port
    run << snapshot(200ms, TD_SNAPSHOT_BEGIN) << s.listed(201ms, SYN_SENT)
        << snapshot(202ms, TD_SNAPSHOT_END);
    run << s.change(510ms, SYN_SENT, CLOSE, 111);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, SYN_SENT), 500ms);
    EXPECT_EQ(o.tuple.local.port, s.tuple.local.port);
}

TEST_P(Cookies, event_wins_over_an_older_listing) {
    EventRun run;
    establish(run, s);
    run << snapshot(50ms, TD_SNAPSHOT_BEGIN) << s.change(51ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << s.listed(51ms + 20us, ESTABLISHED) << snapshot(52ms, TD_SNAPSHOT_END);
    run << s.change(61ms, FIN_WAIT1, FIN_WAIT2) << s.change(71ms, FIN_WAIT2, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, FIN_WAIT1), 10ms);
}

/// The listing may have passed its place before the socket was there.
TEST_P(Cookies, what_was_opened_just_before_a_listing_and_isnt_in_it_goes_on) {
    EventRun run;
    establish(run, s);
    run << snapshot(20ms, TD_SNAPSHOT_BEGIN) << snapshot(22ms, TD_SNAPSHOT_END);
    run << s.change(61ms, ESTABLISHED, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, ESTABLISHED), 50ms);
}

TEST_P(Cookies, what_was_idle_before_a_listing_and_isnt_in_it_is_given_up) {
    EventRun run;
    establish(run, s);
    run << snapshot(32ms, TD_SNAPSHOT_BEGIN) << snapshot(33ms, TD_SNAPSHOT_END);
    const synth::Outcome o = run.only_outcome();
    ASSERT_TRUE(o.line);
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
}

TEST_P(Cookies, just_closed_socket_does_not_come_back) {
    EventRun run;
    establish(run, s);
    run << snapshot(50ms, TD_SNAPSHOT_BEGIN) << s.change(51ms, ESTABLISHED, CLOSE, 104)
        << s.listed(51ms + 20us, ESTABLISHED) << snapshot(52ms, TD_SNAPSHOT_END);
    EXPECT_EQ(run.only_outcome().line->ending, tcp::Ending::reset_received);
}

TEST_P(Cookies, socket_that_became_a_mini_does_not_come_back) {
    const TestSocket mini{0xe000, s.cookie, s.tuple, kNetns, s.listed_by_address};
    EventRun run;
    establish(run, s);
    run << s.change(40ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp) << snapshot(50ms, TD_SNAPSHOT_BEGIN)
        << s.change(51ms, FIN_WAIT1, FIN_WAIT2)
        << mini.timer(51ms + 2us, TD_TIMER_START, TIME_WAIT, 60s + 48ms)
        << s.change(51ms + 4us, FIN_WAIT2, CLOSE) << s.listed(51ms + 10us, FIN_WAIT2)
        << snapshot(52ms, TD_SNAPSHOT_END)
        << mini.timer(62s, TD_TIMER_CANCEL, TIME_WAIT, 60s + 48ms)
        << mini.timer(62s + 10us, TD_TIMER_EXPIRE, TIME_WAIT, 60s + 48ms);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    ASSERT_TRUE(o.line->time_wait);
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::expired);
}

TEST_P(Cookies, just_expired_mini_does_not_come_back) {
    EventRun run;
    run << s.timer(1ms, TD_TIMER_START, TIME_WAIT, 60s) << snapshot(61s, TD_SNAPSHOT_BEGIN)
        << s.timer(61s + 1ms, TD_TIMER_CANCEL, TIME_WAIT, 60s)
        << s.timer(61s + 1010us, TD_TIMER_EXPIRE, TIME_WAIT, 60s)
        << s.listed_mini(61s + 1020us, TIME_WAIT, 60s) << snapshot(61s + 2ms, TD_SNAPSHOT_END);
    EXPECT_EQ(run.only_outcome().line->time_wait->end, tcp::TimeWaitEnd::expired);
}

TEST_P(Cookies, just_accepted_request_does_not_come_back) {
    const TestSocket request{0xf000, s.cookie, s.tuple, kNetns,
                             s.listed_by_address}; // the child inherits its cookie
    EventRun run;
    run << request.request(10ms, TD_TIMER_START) << snapshot(20ms, TD_SNAPSHOT_BEGIN)
        << s.change(21ms, LISTEN, SYN_RECV) << request.request(21ms + 4us, TD_TIMER_CANCEL)
        << s.change(21ms + 8us, SYN_RECV, ESTABLISHED)
        << request.listed_request(21ms + 20us, 0xa000) << snapshot(22ms, TD_SNAPSHOT_END)
        << s.change(121ms, ESTABLISHED, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, SYN_RECV), 11ms + 8us);
}

TEST_P(Cookies, fast_open_child_that_waits_for_its_ack_is_not_joined) {
    EventRun run;
    run << s.change(0ms, LISTEN, SYN_RECV) << snapshot(90ms, TD_SNAPSHOT_BEGIN)
        << s.listed(100ms, SYN_RECV) << snapshot(110ms, TD_SNAPSHOT_END)
        << s.change(250ms, SYN_RECV, ESTABLISHED, 0, TD_STATE_FASTOPEN)
        << s.change(300ms, ESTABLISHED, CLOSE, ECONNRESET);
    const synth::Outcome outcome = run.only_outcome();
    EXPECT_EQ(outcome.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(outcome, SYN_RECV), 250ms);
}

TEST_P(Cookies, same_address_soon_is_another_connection) {
    const TestSocket next{s.address, s.cookie == 0 ? 0 : s.cookie + 1, v4_tuple(81), kNetns,
                          s.listed_by_address};
    EventRun run;
    establish(run, s);
    run << s.change(51ms, ESTABLISHED, CLOSE, 104)
        << next.change(51ms + 5us, CLOSE, SYN_SENT, 0, 0, kApp) << snapshot(52ms, TD_SNAPSHOT_BEGIN)
        << next.listed(53ms, SYN_SENT) << snapshot(54ms, TD_SNAPSHOT_END)
        << next.reset_received(55ms) << next.change(55ms, SYN_SENT, CLOSE, 111);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->ending, tcp::Ending::reset_received);
    EXPECT_EQ(all[1].line->ending, tcp::Ending::refused);
    EXPECT_EQ(all[1].line->seen, tcp::Seen::whole);
}

TEST_P(Cookies, address_in_use_again_ends_the_connection_whose_end_was_missed) {
    const TestSocket next{s.address, s.cookie == 0 ? 0 : s.cookie + 1, v4_tuple(81), kNetns,
                          s.listed_by_address};
    EventRun run;
    establish(run, s);
    run << next.change(500ms, CLOSE, SYN_SENT, 0, 0, kApp) << next.reset_received(501ms)
        << next.change(501ms, SYN_SENT, CLOSE, 111);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->ending, tcp::Ending::unknown);
    EXPECT_EQ(all[0].line->seen, tcp::Seen::gap);
    EXPECT_EQ(all[0].line->closed, std::nullopt);
    EXPECT_EQ(stay(all[0], ESTABLISHED), std::nullopt);
    EXPECT_EQ(all[1].line->ending, tcp::Ending::refused);
}

TEST_P(Cookies, listed_address_with_another_tuple_ends_the_connection_whose_end_was_missed) {
    const TestSocket next{s.address, s.cookie == 0 ? 0 : s.cookie + 1, v4_tuple(81), kNetns,
                          s.listed_by_address};
    EventRun run;
    establish(run, s);
    run << snapshot(20ms, TD_SNAPSHOT_BEGIN) << s.listed(21ms, ESTABLISHED)
        << snapshot(22ms, TD_SNAPSHOT_END) << lost(400ms, 3) << snapshot(500ms, TD_SNAPSHOT_BEGIN)
        << next.listed(501ms, ESTABLISHED) << snapshot(502ms, TD_SNAPSHOT_END)
        << next.change(600ms, ESTABLISHED, CLOSE, 104);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->ending, tcp::Ending::unknown);
    EXPECT_EQ(all[0].line->seen, tcp::Seen::gap);
    EXPECT_EQ(all[1].line->ending, tcp::Ending::reset_received);
    EXPECT_EQ(all[1].line->seen, tcp::Seen::gap);
}

TEST_P(Cookies, not_listed_by_a_complete_pass_is_gone) {
    EventRun run;
    establish(run, s);
    run << snapshot(500ms, TD_SNAPSHOT_BEGIN) << snapshot(502ms, TD_SNAPSHOT_END);
    run.pass_time(at(600ms));
    EXPECT_EQ(run.tracker.live(), 0u);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->ending, tcp::Ending::unknown);
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(o.line->closed, std::nullopt);
}

// The kernel may show a request or mini-socket that a connection has replaced meanwhile.
TEST_P(Cookies, a_request_that_became_a_connection_does_not_come_back) {
    TestSocket request = s;
    request.address = 0xd000;
    if (s.cookie != 0) request.cookie = s.cookie + 1; // made when it was listed
    EventRun run;
    run << snapshot(5ms, TD_SNAPSHOT_BEGIN) << request.request(10ms, TD_TIMER_START)
        << s.change(11ms, SYN_RECV, ESTABLISHED) << request.listed_request(50ms, 0)
        << snapshot(52ms, TD_SNAPSHOT_END) << s.change(111ms, ESTABLISHED, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, ESTABLISHED), 100ms);
    EXPECT_EQ(run.tracker.totals().unseen, 0u);
}

TEST(SocketLister, a_time_wait_that_made_way_for_a_connection_does_not_come_back) {
    const TestSocket s;
    const TestSocket before{0xe000, s.cookie + 1};
    EventRun run;
    run << snapshot(5ms, TD_SNAPSHOT_BEGIN);
    establish(run, s);
    run << before.listed_mini(50ms, TIME_WAIT, 30s) << snapshot(52ms, TD_SNAPSHOT_END)
        << s.change(111ms, ESTABLISHED, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, ESTABLISHED), 100ms);
    EXPECT_EQ(run.tracker.totals().unseen, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, Cookies, testing::Combine(testing::Values(0, 7), testing::Bool()),
                         [](const auto& tested) {
                             return std::string(std::get<0>(tested.param) == 0 ? "without"
                                                                               : "with") +
                                    (std::get<1>(tested.param) ? "" : "_by_tuple");
                         });

TEST(SocketLister, an_address_identifies_where_the_listing_has_no_cookie) {
    const TestSocket s;
    event::SocketListed listed = s.listed(51ms, ESTABLISHED);
    listed.cookie = 0;
    EventRun run;
    establish(run, s);
    run << snapshot(50ms, TD_SNAPSHOT_BEGIN) << listed << snapshot(52ms, TD_SNAPSHOT_END)
        << s.change(111ms, ESTABLISHED, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::whole);
    EXPECT_EQ(stay(o, ESTABLISHED), 100ms);
}

TEST(SocketLister, another_cookie_is_another_connection_whatever_the_four_tuple) {
    const TestSocket s;
    TestSocket next = s;
    next.cookie = s.cookie + 1;
    EventRun run;
    establish(run, s);
    run << lost(400ms, 3) << snapshot(500ms, TD_SNAPSHOT_BEGIN) << next.listed(501ms, ESTABLISHED)
        << snapshot(502ms, TD_SNAPSHOT_END);
    std::vector<std::uint64_t> cookies;
    run.tracker.for_each_live(
        [&](const track::LiveSocket& live) { cookies.push_back(live.who.cookie); });
    EXPECT_EQ(cookies, std::vector{next.cookie});
    run << next.change(600ms, ESTABLISHED, CLOSE, 104);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->ending, tcp::Ending::unknown);
    EXPECT_EQ(all[0].cookie, s.cookie);
    EXPECT_EQ(all[1].line->ending, tcp::Ending::reset_received);
    EXPECT_EQ(all[1].cookie, next.cookie);
}

TEST(SocketLister, shows_the_cookies_that_events_had_not) {
    for (const bool by_address : {true, false}) {
        TestSocket s{.cookie = 0, .listed_by_address = by_address};
        EventRun run;
        establish(run, s);
        s.cookie = 9;
        run << snapshot(50ms, TD_SNAPSHOT_BEGIN) << s.listed(51ms, ESTABLISHED)
            << snapshot(52ms, TD_SNAPSHOT_END);
        EXPECT_EQ(run.only_outcome().cookie, 9u) << by_address;
    }
}

TEST(SocketLister, shows_the_cookie_of_a_listener_that_it_lists_by_address) {
    TestSocket listener{.cookie = 0};
    listener.tuple.remote = {};
    EventRun run;
    run << listener.change(10ms, CLOSE, LISTEN, 0, 0, kApp);
    listener.cookie = 9;
    run << snapshot(50ms, TD_SNAPSHOT_BEGIN) << listener.listed(51ms, LISTEN)
        << snapshot(52ms, TD_SNAPSHOT_END);
    std::vector<std::uint64_t> cookies;
    run.tracker.for_each_live(
        [&](const track::LiveSocket& live) { cookies.push_back(live.who.cookie); });
    EXPECT_EQ(cookies, std::vector<std::uint64_t>{9});
}

/// A connect() takes over the four-tuple: only the address shows then whose timer is cancelled.
void expect_taken_over(EventRun& run, const TestSocket& mini) {
    const TestSocket heir{0xf000, 99, mini.tuple};
    run << heir.change(5s, CLOSE, SYN_SENT, 0, 0, kApp)
        << mini.timer(5s + 20us, TD_TIMER_CANCEL, TIME_WAIT, 60s);
    const std::vector<synth::Outcome> all = run.outcomes();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].line->closed, at(5s + 20us));
    ASSERT_TRUE(all[0].line->time_wait);
    EXPECT_EQ(all[0].line->time_wait->end, tcp::TimeWaitEnd::reused);
    EXPECT_EQ(all[1].line->ending, tcp::Ending::open);
}

TEST(SocketLister, without_addresses_leaves_the_address_of_a_mini_socket_known) {
    const TestSocket s;
    const TestSocket mini{0xe000, s.cookie, s.tuple, kNetns, false};
    EventRun run;
    establish(run, s);
    run << s.change(40ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << s.change(41ms, FIN_WAIT1, FIN_WAIT2) << mini.timer(42ms, TD_TIMER_START, TIME_WAIT, 60s)
        << s.change(42ms + 2us, FIN_WAIT2, CLOSE) << snapshot(500ms, TD_SNAPSHOT_BEGIN)
        << mini.listed_mini(501ms, TIME_WAIT, 60s) << snapshot(502ms, TD_SNAPSHOT_END);
    expect_taken_over(run, mini);
}

TEST(SocketLister, shows_the_address_of_a_mini_socket_whose_start_was_lost) {
    const TestSocket s;
    const TestSocket mini{0xe000, s.cookie, s.tuple};
    EventRun run;
    establish(run, s);
    run << s.change(40ms, ESTABLISHED, FIN_WAIT1, 0, 0, kApp)
        << s.change(41ms, FIN_WAIT1, FIN_WAIT2) << lost(42ms, 0, 1)
        << s.change(42ms + 2us, FIN_WAIT2, CLOSE) << snapshot(500ms, TD_SNAPSHOT_BEGIN)
        << mini.listed_mini(501ms, TIME_WAIT, 60s) << snapshot(502ms, TD_SNAPSHOT_END);
    expect_taken_over(run, mini);
}

/// At the address of the listener there is another socket by now.
TEST(SocketLister, request_is_owned_by_nobody_but_a_listener) {
    const TestSocket other{0xa000, 8, v4_tuple(81)};
    const TestSocket request{0xb000, 0};
    EventRun run;
    establish(run, other);
    run << snapshot(50ms, TD_SNAPSHOT_BEGIN) << other.listed(51ms, ESTABLISHED)
        << request.listed_request(51ms, other.address) << snapshot(52ms, TD_SNAPSHOT_END);
    for (const synth::Outcome& o : run.outcomes()) {
        EXPECT_EQ(o.process, o.cookie == 8 ? std::optional(kApp) : std::nullopt);
    }
}

TEST(SocketLister, incomplete_or_foreign_pass_ends_nothing) {
    const TestSocket s;
    EventRun run;
    establish(run, s);
    run << snapshot(500ms, TD_SNAPSHOT_BEGIN) << snapshot(502ms, TD_SNAPSHOT_END, false)
        << snapshot(600ms, TD_SNAPSHOT_BEGIN, true, kNetns + 1)
        << snapshot(602ms, TD_SNAPSHOT_END, true, kNetns + 1);
    run.pass_time(at(700ms));
    EXPECT_EQ(run.tracker.live(), 1u);
    EXPECT_EQ(run.only_outcome().line->ending, tcp::Ending::open);
}

TEST(SocketLister, connection_with_events_during_the_pass_is_not_gone) {
    const TestSocket s;
    EventRun run;
    run << snapshot(5ms, TD_SNAPSHOT_BEGIN);
    establish(run, s);
    run << snapshot(12ms, TD_SNAPSHOT_END);
    run.pass_time(at(700ms));
    EXPECT_EQ(run.tracker.live(), 1u);
    EXPECT_EQ(run.only_outcome().line->seen, tcp::Seen::whole);
}

TEST(SocketLister, sweep_says_nothing_of_the_others) {
    const TestSocket s;
    const TestSocket mini{0xe000, 8, v4_tuple(81)};
    EventRun run;
    establish(run, s);
    event::SocketListed swept = mini.listed_mini(500ms, FIN_WAIT2, 30s);
    swept.sweep = true;
    run << swept;
    run.pass_time(at(700ms));
    std::size_t still_there = 0;
    run.tracker.for_each_live(
        [&](const track::LiveSocket& live) { still_there += live.who.cookie == s.cookie; });
    EXPECT_EQ(still_there, 1u);
}

} // namespace
} // namespace tcpdwell::test

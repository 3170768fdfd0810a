// SPDX-License-Identifier: Apache-2.0
// Sockets that were there before tracing began, as the listing lists them.
#include <gtest/gtest.h>

#include "events.h"

namespace tcpdwell::test {
namespace {

TEST(Joining, established_socket_has_no_known_beginning) {
    const TestSocket s;
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << s.listed(2ms, ESTABLISHED)
        << snapshot(3ms, TD_SNAPSHOT_END);
    run << s.change(500ms, ESTABLISHED, CLOSE_WAIT)
        << s.change(600ms, CLOSE_WAIT, LAST_ACK, 0, 0, kApp) << s.change(601ms, LAST_ACK, CLOSE);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.cookie, 7u);
    EXPECT_EQ(o.role, tcp::Role::unknown);
    EXPECT_EQ(o.uid, 1000u);
    EXPECT_EQ(o.closed_by, kApp);
    EXPECT_EQ(o.line->opened, std::nullopt);
    EXPECT_EQ(o.line->closed, at(601ms));
    EXPECT_EQ(stay(o, ESTABLISHED), std::nullopt);
    EXPECT_EQ(stay(o, CLOSE_WAIT), 100ms);
    EXPECT_EQ(stay(o, LAST_ACK), 1ms);
    EXPECT_EQ(o.line->closed_first, tcp::ClosedFirst::remote);
    EXPECT_EQ(o.line->ending, tcp::Ending::fin);
    EXPECT_EQ(o.line->seen, tcp::Seen::joined);
    ASSERT_EQ(o.transitions.size(), 3u);
    EXPECT_EQ(o.transitions[0].dwell, std::nullopt);
}

struct Found {
    tcp::State state;
    tcp::ClosedFirst closed_first;
};

class JoinedState : public testing::TestWithParam<Found> {};

TEST_P(JoinedState, shows_who_closed_first) {
    const TestSocket s;
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << s.listed(2ms, GetParam().state)
        << snapshot(3ms, TD_SNAPSHOT_END);
    run << s.change(500ms, GetParam().state, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->closed_first, GetParam().closed_first);
    EXPECT_EQ(o.line->ending, tcp::Ending::reset_received);
    EXPECT_EQ(stay(o, GetParam().state), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(All, JoinedState,
                         testing::Values(Found{ESTABLISHED, tcp::ClosedFirst::remote},
                                         Found{FIN_WAIT1, tcp::ClosedFirst::local},
                                         Found{FIN_WAIT2, tcp::ClosedFirst::local},
                                         Found{CLOSING, tcp::ClosedFirst::both},
                                         Found{CLOSE_WAIT, tcp::ClosedFirst::remote},
                                         Found{LAST_ACK, tcp::ClosedFirst::remote}),
                         [](const auto& tested) { return std::string(name(tested.param.state)); });

TEST(Joining, listed_request_belongs_to_its_own_listener_and_not_to_the_first_on_the_port) {
    const tcp::FourTuple any{{*tcp::IpAddress::parse("0.0.0.0"), 80}, {}, tcp::Family::ipv4};
    const TestSocket request{0xe000, 0};
    for (const std::size_t own : {0u, 1u}) {
        const TestSocket listeners[] = {{0xa000, 3, any}, {0xb000, 4, any}}; // SO_REUSEPORT
        EventRun run;
        run << snapshot(1ms, TD_SNAPSHOT_BEGIN);
        for (std::uint32_t i = 0; i < 2; ++i) {
            event::SocketListed listed = listeners[i].listed(2ms, LISTEN);
            listed.owner = {{}, 1000 + i, 42 + i};
            run << listed;
        }
        run << request.listed_request(2ms, listeners[own].address)
            << snapshot(3ms, TD_SNAPSHOT_END);
        const synth::Outcome o = run.only_outcome();
        EXPECT_EQ(o.uid, 1000 + own);
        EXPECT_EQ(o.cgroup, 42 + own);
    }
}

TEST(Joining, listener_on_the_port_makes_a_server) {
    const TestSocket listener{
        0xa000, 1, {{*tcp::IpAddress::parse("0.0.0.0"), 80}, {}, tcp::Family::ipv4}};
    const TestSocket s;
    const TestSocket other_port{0xb000, 3, v4_tuple(81)};
    const TestSocket other_netns{0xc000, 4, v4_tuple(80), kNetns + 1};
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << listener.listed(2ms, LISTEN)
        << s.listed(2ms, ESTABLISHED) << other_port.listed(2ms, ESTABLISHED)
        << snapshot(3ms, TD_SNAPSHOT_END) << snapshot(4ms, TD_SNAPSHOT_BEGIN, true, kNetns + 1)
        << other_netns.listed(4ms, ESTABLISHED) << snapshot(5ms, TD_SNAPSHOT_END, true, kNetns + 1);
    std::map<std::uint64_t, tcp::Role> roles;
    for (const synth::Outcome& o : run.outcomes()) roles[o.cookie] = o.role;
    EXPECT_EQ(roles.at(7), tcp::Role::server);
    EXPECT_EQ(roles.at(3), tcp::Role::unknown);
    EXPECT_EQ(roles.at(4), tcp::Role::unknown);
}

TEST(Joining, time_wait_began_a_minute_before_it_expires) {
    const TestSocket mini;
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << mini.listed_mini(2ms, TIME_WAIT, 40s)
        << snapshot(3ms, TD_SNAPSHOT_END);
    run << mini.timer(41s, TD_TIMER_CANCEL, TIME_WAIT, 40s)
        << mini.timer(41s + 10us, TD_TIMER_EXPIRE, TIME_WAIT, 40s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(stay(o, TIME_WAIT), 61s + 10us);
    ASSERT_TRUE(o.line->time_wait);
    EXPECT_EQ(o.line->time_wait->dwell, 61s + 10us);
    EXPECT_EQ(o.line->time_wait->end, tcp::TimeWaitEnd::expired);
    EXPECT_EQ(o.line->opened, std::nullopt);
    EXPECT_EQ(o.line->closed_first, tcp::ClosedFirst::local);
    EXPECT_EQ(o.line->seen, tcp::Seen::joined);
}

TEST(Joining, fin_wait2_mini_has_no_known_beginning_but_a_known_end) {
    const TestSocket mini;
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << mini.listed_mini(2ms, FIN_WAIT2, 30s)
        << snapshot(3ms, TD_SNAPSHOT_END);
    run << mini.timer(70s, TD_TIMER_CANCEL, TIME_WAIT, 69s)
        << mini.timer(70s + 10us, TD_TIMER_EXPIRE, TIME_WAIT, 69s);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(stay(o, FIN_WAIT2), std::nullopt);
    EXPECT_EQ(stay(o, TIME_WAIT), 61s + 10us);
    EXPECT_EQ(o.line->ending, tcp::Ending::fin);
    ASSERT_EQ(o.transitions.size(), 2u);
    EXPECT_EQ(o.transitions[0].at, at(9s));
    EXPECT_EQ(o.transitions[0].dwell, std::nullopt);
}

TEST(Joining, connecting_socket_is_a_client) {
    const TestSocket s{.tuple = v4_tuple(40000, 443)};
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << s.listed(2ms, SYN_SENT)
        << snapshot(3ms, TD_SNAPSHOT_END);
    run << s.change(500ms, SYN_SENT, CLOSE, 110);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.role, tcp::Role::client);
    EXPECT_EQ(o.line->ending, tcp::Ending::connect_failed);
    EXPECT_EQ(o.line->detail, tcp::EndingDetail::timeout);
    EXPECT_EQ(o.line->closed_first, tcp::ClosedFirst::none);
}

TEST(Joining, request_becomes_the_established_child) {
    const TestSocket listener{
        0xa000, 1, {{*tcp::IpAddress::parse("0.0.0.0"), 80}, {}, tcp::Family::ipv4}};
    const TestSocket request{0xb000, 0};
    const TestSocket child{0xc000, 9};
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << listener.listed(2ms, LISTEN)
        << request.listed_request(2ms, listener.address) << snapshot(3ms, TD_SNAPSHOT_END);
    run << child.change(100ms, LISTEN, SYN_RECV)
        << request.request(100ms + 4us, TD_TIMER_CANCEL, listener.address)
        << child.change(100ms + 8us, SYN_RECV, ESTABLISHED)
        << child.change(200ms, ESTABLISHED, CLOSE, 104) << listener.change(300ms, LISTEN, CLOSE);
    std::vector<synth::Outcome> connections = run.outcomes();
    std::erase_if(connections, [](const synth::Outcome& o) { return !o.line; });
    ASSERT_EQ(connections.size(), 1u);
    const synth::Outcome& o = connections[0];
    EXPECT_EQ(o.role, tcp::Role::server);
    EXPECT_EQ(o.cookie, 9u);
    EXPECT_EQ(stay(o, SYN_RECV), std::nullopt);
    EXPECT_EQ(stay(o, ESTABLISHED), 100ms - 8us);
    EXPECT_EQ(o.line->seen, tcp::Seen::joined);
}

TEST(Joining, owner_found_in_proc_fills_only_what_is_not_known) {
    const TestSocket s;
    const TestSocket connecting{0xd000, 8, v4_tuple(41000, 443)};
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << s.listed(2ms, ESTABLISHED)
        << snapshot(3ms, TD_SNAPSHOT_END) << connecting.change(3ms, CLOSE, SYN_SENT, 0, 0, kApp)
        << connecting.change(4ms, SYN_SENT, ESTABLISHED);
    for (const TestSocket& each : {s, connecting})
        run << event::OwnerFound{at(5ms), each.address, each.cookie,
                                 event::Owner{process(77, "holder"), {}, 0}, TD_OWNER_HOLDS};
    std::map<std::uint64_t, std::optional<event::Process>> owners;
    for (const synth::Outcome& o : run.outcomes()) owners[o.cookie] = o.process;
    EXPECT_EQ(owners.at(7), process(77, "holder"));
    EXPECT_EQ(owners.at(8), kApp);
}

TEST(Joining, found_by_a_later_pass_its_birth_was_missed) {
    const TestSocket s;
    EventRun run;
    run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << snapshot(2ms, TD_SNAPSHOT_END) << lost(1s, 3)
        << snapshot(2s, TD_SNAPSHOT_BEGIN) << s.listed(2s + 1ms, ESTABLISHED)
        << snapshot(2s + 2ms, TD_SNAPSHOT_END) << s.change(3s, ESTABLISHED, CLOSE, 104);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::gap);
    EXPECT_EQ(o.line->opened, std::nullopt);
}

TEST(Joining, first_event_of_a_socket_that_nobody_listed) {
    const TestSocket s;
    EventRun run;
    run << s.change(5ms, ESTABLISHED, CLOSE_WAIT) << s.change(8ms, CLOSE_WAIT, CLOSE, 32);
    const synth::Outcome o = run.only_outcome();
    EXPECT_EQ(o.line->seen, tcp::Seen::joined);
    EXPECT_EQ(o.line->opened, std::nullopt);
    EXPECT_EQ(stay(o, ESTABLISHED), std::nullopt);
    EXPECT_EQ(stay(o, CLOSE_WAIT), 3ms);
    EXPECT_EQ(o.line->ending, tcp::Ending::reset_received);
}

/// A child in SYN_RECV will show by its next event whose it is; what is listed otherwise has had
/// that event.
TEST(Joining, child_that_is_listed_when_it_is_established_is_there) {
    TestSocket s;
    const auto live_after = [&](const event::SocketListed& listed) {
        EventRun run;
        run << snapshot(1ms, TD_SNAPSHOT_BEGIN) << s.change(2ms, LISTEN, SYN_RECV) << listed;
        return run.tracker.live();
    };
    EXPECT_EQ(live_after(s.listed(100ms, SYN_RECV)), 0u);
    EXPECT_EQ(live_after(s.listed(100ms, ESTABLISHED)), 1u);
    EXPECT_EQ(live_after(s.listed(100ms, CLOSE_WAIT)), 1u);
    EXPECT_EQ(live_after(s.listed_request(100ms, 0xa000)), 1u);
    EXPECT_EQ(live_after(s.listed_mini(100ms, TIME_WAIT, 60s)), 1u);
    event::SocketListed other = s.listed(100ms, SYN_RECV);
    ++other.sock;
    EXPECT_EQ(live_after(other), 1u);
}

} // namespace
} // namespace tcpdwell::test

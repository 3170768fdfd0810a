// SPDX-License-Identifier: Apache-2.0
#include "analysis/open_sockets.h"

#include <gtest/gtest.h>

#include "lines.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

struct OpenSocketsTest : testing::Test {
    analysis::Thresholds thresholds;
    ProcessNames people;

    analysis::OpenSockets look() { return analysis::OpenSockets(thresholds); }
};

TEST_F(OpenSocketsTest, only_states_that_something_can_be_wrong_with) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    for (const tcp::State state : kAllOf<tcp::State>)
        l.on_live(live(people.client(1), state, at(0s)), 1);
    for (const tcp::State state : kAllOf<tcp::State>) {
        const bool wanted = state == SYN_SENT || state == FIN_WAIT1 || state == FIN_WAIT2 ||
                            state == CLOSE_WAIT || state == LAST_ACK || state == CLOSING;
        EXPECT_EQ(l.in(state).size(), wanted ? 1u : 0u) << name(state);
    }
}

TEST_F(OpenSocketsTest, old_from_the_threshold_of_the_state_on) {
    ASSERT_TRUE(thresholds.set("close_wait_leak.age=10s"));
    ASSERT_TRUE(thresholds.set("connects_unanswered.age=2s"));
    ASSERT_TRUE(thresholds.set("closing_stuck.age=20s"));
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    for (const auto& [state, age] :
         {std::pair(CLOSE_WAIT, 10s), {SYN_SENT, 2s}, {LAST_ACK, 20s}, {CLOSING, 20s}}) {
        l.on_live(live(people.client(1), state, at(100s - age)), 1);
        l.on_live(live(people.client(2), state, at(100s - age + 1ns)), 1);
        ASSERT_EQ(l.in(state).size(), 1u) << name(state);
        const analysis::HeldSockets& h = *l.in(state)[0];
        EXPECT_EQ(h.sockets, 2u) << name(state);
        EXPECT_EQ(h.old, 1u) << name(state);
        EXPECT_EQ(h.oldest, age);
        EXPECT_EQ(h.ids.size(), 1u);
    }
}

TEST_F(OpenSocketsTest, fin_wait2_that_has_just_begun_is_no_pileup) {
    analysis::OpenSockets l = look();
    l.begin_live(at(10s));
    l.on_live(live(people.client(1), FIN_WAIT2, at(5s)), 1);
    l.on_live(live(people.client(2), FIN_WAIT2, at(5s + 1ns)), 1);
    EXPECT_EQ(l.in(FIN_WAIT2).at(0)->old, 1u);
}

event::SocketNumbers moved(std::uint32_t since_received_ms, std::uint32_t since_sent_ms) {
    event::SocketNumbers n;
    n.since_received_ms = since_received_ms;
    n.since_sent_ms = since_sent_ms;
    n.unsent = n.unacked = n.unread = 0;
    return n;
}

TEST_F(OpenSocketsTest, close_wait_in_which_data_moves_is_none_of_the_old_ones) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    // Since the last ACK, and since the last data that was sent.
    for (const auto& [received, sent] :
         {std::pair(90'000u, 90'000u), {59'000u, 90'000u}, {90'000u, 59'000u}}) {
        const event::SocketNumbers n = moved(received, sent);
        track::LiveSocket socket = live(people.client(1), CLOSE_WAIT, at(0s));
        socket.numbers = &n;
        l.on_live(socket, 1);
    }
    EXPECT_EQ(l.in(CLOSE_WAIT).at(0)->sockets, 3u);
    EXPECT_EQ(l.in(CLOSE_WAIT).at(0)->old, 1u);
}

TEST_F(OpenSocketsTest, what_nobody_has_accepted_nobody_can_close) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    track::LiveSocket socket = live(people.client(1), CLOSE_WAIT, at(0s));
    socket.accept = track::Accept{std::nullopt, false};
    l.on_live(socket, 1);
    EXPECT_TRUE(l.in(CLOSE_WAIT).empty());
    socket.accept->accepted = true;
    l.on_live(socket, 1);
    EXPECT_EQ(l.in(CLOSE_WAIT).size(), 1u);
    // An orphan that a listing found: no process has it, but it was closed by one.
    track::LiveSocket orphan = live(people.client(2), FIN_WAIT1, at(0s));
    orphan.accept = track::Accept{std::nullopt, false};
    l.on_live(orphan, 1);
    EXPECT_EQ(l.in(FIN_WAIT1).size(), 1u);
}

TEST_F(OpenSocketsTest, one_process_that_got_others_after_the_peer_had_closed_was_given_them) {
    analysis::OpenSockets l = look();
    struct Story {
        Nanoseconds accepted, half_closed;
        std::uint32_t holder = 7;
    };
    const auto is_given = [&](const std::vector<Story>& stories) {
        l.begin_live(at(100s));
        for (const Story& each : stories) {
            const track::PathStep left[] = {{ESTABLISHED, each.half_closed - each.accepted + 1ms}};
            const track::Holders holders{{process(each.holder, "worker")}, 1, false};
            track::LiveSocket socket = live(people.server(80), CLOSE_WAIT, at(each.half_closed));
            socket.left = left;
            socket.accept = track::Accept{Nanoseconds(1ms), true};
            socket.holders = &holders;
            l.on_live(socket, 1);
        }
        EXPECT_EQ(l.in(CLOSE_WAIT).size(), 1u);
        EXPECT_TRUE(l.in(CLOSE_WAIT).at(0)->inherited);
        return l.in(CLOSE_WAIT).at(0)->is_given();
    };
    EXPECT_TRUE(is_given({{1s, 2s}, {3s, 4s}, {5s, 6s}}));
    EXPECT_FALSE(is_given({{1s, 6s}, {3s, 7s}, {5s, 8s}})) << "all were open at 5 s";
    EXPECT_FALSE(is_given({{1s, 2s}, {3s, 7s}, {5s, 8s}})) << "one was half-closed then";
    EXPECT_FALSE(is_given({{1s, 2s, 7}, {3s, 4s, 8}, {5s, 6s, 9}})) << "a process for each";
    EXPECT_FALSE(is_given({{1s, 2s}}));
}

TEST_F(OpenSocketsTest, by_the_program_that_holds_them_now) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    const auto held_by = [&](std::vector<event::Process> processes, bool partial = false) {
        const auto count = static_cast<std::uint32_t>(processes.size());
        const track::Holders holders{std::move(processes), count, partial};
        track::LiveSocket socket =
            live(people.add(tcp::Role::server, tuple("10.0.0.1", 80, "10.0.0.2", 5000),
                            process(1, "master")),
                 CLOSE_WAIT, at(0s));
        socket.holders = &holders;
        l.on_live(socket, 1);
    };
    held_by({process(2, "master")}); // a worker of the same name
    held_by({process(3, "master"), process(2, "master")});
    held_by({process(4, "sleep")});
    ASSERT_EQ(l.in(CLOSE_WAIT).size(), 2u);
    const analysis::HeldSockets& workers = *l.in(CLOSE_WAIT)[0];
    EXPECT_EQ(workers.comm, "master");
    EXPECT_EQ(workers.old, 2u);
    EXPECT_FALSE(workers.inherited);
    EXPECT_TRUE(workers.looked_up);
    EXPECT_EQ(workers.processes, (std::vector{process(2, "master"), process(3, "master")}));
    EXPECT_EQ(workers.owner, process(1, "master"));
    const analysis::HeldSockets& heir = *l.in(CLOSE_WAIT)[1];
    EXPECT_TRUE(heir.inherited);
    EXPECT_EQ(heir.comm, "sleep");
    held_by({process(5, "sleep")}, true);
    EXPECT_FALSE(l.in(CLOSE_WAIT)[1]->looked_up) << "there may be more";
    EXPECT_TRUE(l.in(CLOSE_WAIT)[1]->are_holders);
}

TEST_F(OpenSocketsTest, a_peer_that_answers_nothing) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    const auto add = [&](tcp::State state, std::uint32_t silent_ms, std::uint32_t unacked,
                         std::uint8_t timeouts, std::uint8_t probes, std::uint32_t unsent = 0,
                         std::uint32_t window = 0) {
        event::SocketNumbers n = moved(silent_ms, 0);
        n.unacked = unacked;
        n.unsent = unsent;
        n.timeouts = timeouts;
        n.probes = probes;
        n.peer_window = window;
        track::LiveSocket socket = live(people.client(1), state, at(0s));
        socket.numbers = &n;
        l.on_live(socket, 1);
    };
    add(ESTABLISHED, 3'000, 10, 0, 0);        // just sent
    add(ESTABLISHED, 2'999, 10, 1, 0);        // not for long
    add(ESTABLISHED, 90'000, 0, 0, 0);        // idle
    add(ESTABLISHED, 90'000, 0, 0, 1);        // a first keepalive probe
    add(ESTABLISHED, 90'000, 0, 0, 5, 1'000); // its window is 0
    add(FIN_WAIT1, 90'000, 10, 5, 0);         // closing_stuck
    EXPECT_TRUE(l.unanswering().empty());
    add(ESTABLISHED, 3'000, 10, 1, 0);
    add(ESTABLISHED, 20'000, 0, 0, 2);
    ASSERT_EQ(l.unanswering().size(), 1u);
    const analysis::HeldSockets& h = *l.unanswering()[0];
    EXPECT_EQ(h.old, 2u);
    EXPECT_EQ(h.unacked, 10u);
    EXPECT_EQ(h.most_timeouts, 1u);
    EXPECT_EQ(h.longest_silence, 20s);
    add(ESTABLISHED, 4'000, 0, 0, 1, 30, 500); // a first probe
    EXPECT_EQ(h.old, 2u);
    add(ESTABLISHED, 4'000, 0, 0, 2, 30, 500); // it doesn't get out, although there is room
    EXPECT_EQ(h.old, 3u);
    EXPECT_EQ(h.unsent, 30u);
}

/// Of what was there before tracing it may not be known who connected.
TEST_F(OpenSocketsTest, what_was_not_accepted_may_have_been_connected) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    for (const auto role : {tcp::Role::server, tcp::Role::unknown, tcp::Role::client}) {
        const auto port = static_cast<tcp::Port>(80 + static_cast<int>(role));
        l.on_live(live(people.add(role, tuple("10.0.0.1", 1, "10.0.0.2", port), process(1, "a")),
                       CLOSE_WAIT, at(0s)),
                  1);
    }
    const analysis::HeldSockets& h = *l.in(CLOSE_WAIT).at(0);
    EXPECT_EQ(h.services.size(), 1u);
    EXPECT_EQ(h.remotes.size(), 2u);
}

TEST_F(OpenSocketsTest, what_cannot_be_sent_is_stuck_for_as_long_as_nothing_was_sent) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    event::SocketNumbers n = moved(1'000, 40'000);
    n.unsent = 500;
    n.peer_window = 0;
    track::LiveSocket socket = live(people.client(1), FIN_WAIT1, std::nullopt, at(99s));
    socket.numbers = &n;
    l.on_live(socket, 1); // there before tracing began
    const analysis::HeldSockets& h = *l.in(FIN_WAIT1).at(0);
    EXPECT_EQ(h.oldest, 40s);
    EXPECT_EQ(h.old, 1u);
    EXPECT_EQ(h.zero_window, 1u);
    EXPECT_EQ(h.unsent, 500u);
    l.begin_live(at(100s));
    l.on_live(
        [&] {
            track::LiveSocket seen = live(people.client(1), FIN_WAIT1, at(99s));
            seen.numbers = &n;
            return seen;
        }(),
        1);
    EXPECT_EQ(l.in(FIN_WAIT1).at(0)->oldest, 1s) << "its close() was seen";
}

TEST_F(OpenSocketsTest, what_still_drains_is_not_stuck) {
    analysis::OpenSockets l = look();
    const auto age = [&](tcp::State state, const event::SocketNumbers& numbers) {
        l.begin_live(at(100s));
        track::LiveSocket socket = live(people.client(1), state, at(10s));
        socket.numbers = &numbers;
        l.on_live(socket, 1);
        return l.in(state).at(0)->oldest;
    };
    event::SocketNumbers n = moved(300, 200);
    EXPECT_EQ(age(FIN_WAIT1, n), 90s) << "only the FIN is left";
    for (const tcp::State state : {FIN_WAIT1, LAST_ACK, CLOSING}) {
        n.unsent = 0;
        n.unacked = 1000;
        EXPECT_EQ(age(state, n), 200ms) << name(state);
        n.unsent = 500;
        n.unacked = 0;
        n.peer_window = 0;
        EXPECT_EQ(age(state, n), 200ms) << "a window that was open just before";
    }
    n.since_sent_ms = 80'000;
    EXPECT_EQ(age(FIN_WAIT1, n), 80s) << "a peer that answers probes, and reads nothing";
    n.since_sent_ms = 95'000;
    EXPECT_EQ(age(FIN_WAIT1, n), 90s);
    n.timeouts = 2;
    EXPECT_EQ(age(FIN_WAIT1, n), 300ms) << "a loss";
    n.timeouts = 3;
    EXPECT_EQ(age(FIN_WAIT1, n), 90s);
}

TEST_F(OpenSocketsTest, what_is_half_closed_and_still_receives_is_no_pileup) {
    analysis::OpenSockets l = look();
    const event::SocketNumbers n = moved(4'999, 90'000);
    const auto holding = [&](std::optional<tcp::ClosedHow> how, MonoTime read_at) {
        l.begin_live(at(100s));
        track::LiveSocket socket = live(people.client(1), FIN_WAIT2, at(10s));
        socket.numbers = &n;
        socket.numbers_at = read_at;
        socket.closed_how = how;
        l.on_live(socket, 1);
        return l.in(FIN_WAIT2).at(0);
    };
    EXPECT_EQ(holding(tcp::ClosedHow::shutdown, at(100s))->old, 0u);
    EXPECT_EQ(holding(tcp::ClosedHow::shutdown, at(99s))->old, 1u) << "as of a second ago";
    EXPECT_EQ(holding(tcp::ClosedHow::shutdown, at(99s))->shut, 1u);
    EXPECT_EQ(holding(tcp::ClosedHow::close, at(100s))->old, 1u) << "nobody can read it";
    EXPECT_EQ(holding(tcp::ClosedHow::close, at(100s))->shut, 0u);
    EXPECT_EQ(holding(std::nullopt, at(100s))->old, 1u);
    event::SocketNumbers held = n;
    held.flags = TD_NUMBERS_HAS_SOCKET;
    track::LiveSocket socket = live(people.client(1), FIN_WAIT2, at(10s));
    socket.numbers = &held;
    l.begin_live(at(100s));
    l.on_live(socket, 1);
    EXPECT_EQ(l.in(FIN_WAIT2).at(0)->old, 0u);
}

TEST_F(OpenSocketsTest, by_program_and_namespace_with_the_worst_first) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    const auto add = [&](std::string_view comm, std::uint32_t netns, int count, Nanoseconds since) {
        for (int i = 0; i < count; ++i) {
            auto& who = people.add(tcp::Role::client, tuple("10.0.0.1", 1, "10.0.0.2", 80),
                                   process(static_cast<std::uint32_t>(i + 1), comm));
            who.netns = netns;
            l.on_live(live(who, CLOSE_WAIT, at(since)), 1);
        }
    };
    add("a", kNetns, 9, 99s); // none of them old
    add("d", kNetns, 2, 0s);
    add("b", kNetns, 2, 0s); // as many: in the order of their names
    add("c", kNetns, 4, 0s);
    add("b", kNetns + 1, 3, 0s);
    std::vector<std::tuple<std::string, std::uint32_t, std::uint64_t>> got;
    for (const analysis::HeldSockets* h : l.in(CLOSE_WAIT))
        got.emplace_back(h->comm, h->netns, h->old);
    EXPECT_EQ(got, (std::vector<std::tuple<std::string, std::uint32_t, std::uint64_t>>{
                       {"c", kNetns, 4},
                       {"b", kNetns + 1, 3},
                       {"b", kNetns, 2},
                       {"d", kNetns, 2},
                       {"a", kNetns, 0}}));
    EXPECT_EQ(l.in(CLOSE_WAIT)[0]->processes.size(), 4u);
}

TEST_F(OpenSocketsTest, sockets_without_a_process_are_together) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    for (tcp::Port port = 1; port <= 3; ++port)
        l.on_live(live(people.add(tcp::Role::client, tuple("10.0.0.1", port, "10.0.0.2", 80),
                                  std::nullopt),
                       LAST_ACK, at(0s)),
                  1);
    ASSERT_EQ(l.in(LAST_ACK).size(), 1u);
    EXPECT_EQ(l.in(LAST_ACK)[0]->sockets, 3u);
    EXPECT_TRUE(l.in(LAST_ACK)[0]->processes.empty());
}

TEST_F(OpenSocketsTest, the_oldest_is_known_by_its_ends_and_whether_its_age_is_exact) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    auto& young = people.client(1);
    auto& old = people.client(2);
    l.on_live(live(young, CLOSE_WAIT, at(50s)), 1);
    EXPECT_TRUE(l.in(CLOSE_WAIT)[0]->oldest_is_exact);
    l.on_live(live(old, CLOSE_WAIT, std::nullopt, at(10s)), 1); // there before tracing began
    const analysis::HeldSockets& h = *l.in(CLOSE_WAIT)[0];
    EXPECT_EQ(h.oldest, 90s);
    EXPECT_FALSE(h.oldest_is_exact);
    EXPECT_EQ(h.oldest_tuple, old.tuple);
}

TEST_F(OpenSocketsTest, a_few_ids_and_all_remote_endpoints_of_old_connects) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    for (int i = 0; i < 20; ++i)
        l.on_live(
            live(people.client(static_cast<tcp::Port>(i + 1), i < 15 ? "10.0.0.7" : "10.0.0.8"),
                 SYN_SENT, at(0s)),
            1);
    l.on_live(live(people.client(99, "10.0.0.9"), SYN_SENT, at(99s + 1ns)), 1);
    const analysis::HeldSockets& h = *l.in(SYN_SENT).at(0);
    EXPECT_EQ(h.ids.size(), 5u);
    EXPECT_EQ(h.tried, (std::map<tcp::Endpoint, std::uint64_t>{{{address("10.0.0.7"), 80}, 15},
                                                               {{address("10.0.0.8"), 80}, 5}}));
}

TEST_F(OpenSocketsTest, begins_anew_with_each_report) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    l.on_live(live(people.client(1), CLOSE_WAIT, at(0s)), 1);
    l.begin_live(at(200s));
    EXPECT_TRUE(l.in(CLOSE_WAIT).empty());
}

TEST_F(OpenSocketsTest, an_age_is_never_negative) {
    analysis::OpenSockets l = look();
    l.begin_live(at(1s));
    l.on_live(live(people.client(1), CLOSE_WAIT, at(2s)), 1);
    EXPECT_EQ(l.in(CLOSE_WAIT)[0]->oldest, 0s);
}

TEST_F(OpenSocketsTest, numbers_are_summed_up_where_they_are_known) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    event::SocketNumbers known = moved(3'000, 90'000);
    known.unsent = 5;
    known.unacked = 6;
    known.unread = 7;
    known.timeouts = 2;
    event::SocketNumbers unknown;
    for (const event::SocketNumbers* n : {&known, &unknown, &known}) {
        track::LiveSocket socket = live(people.client(1), FIN_WAIT1, at(0s));
        socket.numbers = n;
        l.on_live(socket, 2);
    }
    l.on_live(live(people.client(1), FIN_WAIT1, at(0s)), 2);
    const analysis::HeldSockets& h = *l.in(FIN_WAIT1).at(0);
    EXPECT_EQ(h.sockets, 8u);
    EXPECT_EQ(h.numbered, 6u);
    EXPECT_EQ(h.unsent, 20u);
    EXPECT_EQ(h.unacked, 24u);
    EXPECT_EQ(h.unread, 28u);
    EXPECT_EQ(h.most_timeouts, 2u);
    EXPECT_EQ(h.longest_silence, 3s);
    EXPECT_EQ(h.zero_window, 0u) << "it isn't known";
}

TEST_F(OpenSocketsTest, what_is_not_known_to_be_unsent_is_not_stuck) {
    const auto oldest = [&](OptionalNumber<std::uint32_t> unsent,
                            OptionalNumber<std::uint32_t> since_sent) {
        analysis::OpenSockets l = look();
        l.begin_live(at(100s));
        event::SocketNumbers n = moved(90'000, 0);
        n.unsent = unsent;
        n.since_sent_ms = since_sent;
        track::LiveSocket socket = live(people.client(1), LAST_ACK, std::nullopt, at(98s));
        socket.numbers = &n;
        l.on_live(socket, 1);
        return l.in(LAST_ACK).at(0)->oldest;
    };
    EXPECT_EQ(oldest(1, 90'000), 90s);
    EXPECT_EQ(oldest(0, 90'000), 2s);
    EXPECT_EQ(oldest({}, 90'000), 2s);
    EXPECT_EQ(oldest(1, 1'000), 2s);
    EXPECT_EQ(oldest(1, {}), 2s);
}

TEST_F(OpenSocketsTest, endpoints_that_are_tried_are_kept_up_to_so_many) {
    constexpr std::size_t most = analysis::HeldSockets::kMostTried;
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    track::ConnectionIdentity who = people.client(1);
    const auto tries = [&](std::size_t i) {
        who.tuple.remote.address.bytes[13] = static_cast<std::uint8_t>(i >> 16);
        who.tuple.remote.address.bytes[14] = static_cast<std::uint8_t>(i >> 8);
        who.tuple.remote.address.bytes[15] = static_cast<std::uint8_t>(i);
        l.on_live(live(who, SYN_SENT, at(0s)), 2);
    };
    for (std::size_t i = 0; i < most + 2; ++i) tries(i);
    tries(0);
    const analysis::HeldSockets& h = *l.in(SYN_SENT).at(0);
    EXPECT_EQ(h.tried.size(), most);
    EXPECT_EQ(h.tried.begin()->second, 4u) << "known ones go on";
    EXPECT_EQ(h.sockets, 2 * (most + 3));
}

} // namespace
} // namespace tcpdwell::test

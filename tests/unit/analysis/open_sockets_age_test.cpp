// SPDX-License-Identifier: Apache-2.0
// For how long nothing has moved in sockets that exist, and what that says about who holds them.
#include "held_sockets.h"

namespace tcpdwell::test {
namespace {

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
            socket.accept = track::Accept{Nanoseconds(1ms), true, at(each.accepted)};
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

TEST_F(OpenSocketsTest, looks_that_find_the_same_leave_no_record_and_time_goes_on) {
    analysis::OpenSockets l = look();
    const event::SocketNumbers n = moved(9000, 9000);
    const auto age = [&](tcp::State state, MonoTime read_at) {
        l.begin_live(at(100s));
        track::LiveSocket socket = live(people.server(80), state, at(30s));
        socket.numbers = &n;
        socket.numbers_at = read_at;
        l.on_live(socket, 1);
        return l.in(state).at(0)->oldest;
    };
    EXPECT_EQ(age(CLOSE_WAIT, at(40s)), 69s) << "silent for 9 s then, and for 60 s since";
    EXPECT_EQ(age(CLOSE_WAIT, at(95s)), 14s);
    EXPECT_EQ(age(CLOSE_WAIT, at(29s)), 9s)
        << "read before the FIN came: what moved since isn't known";
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
    EXPECT_EQ(oldest(1, 1'000), 1s) << "it moved then";
    EXPECT_EQ(oldest(1, {}), 2s);
}

TEST_F(OpenSocketsTest, fin_wait2_that_has_just_begun_is_no_pileup) {
    analysis::OpenSockets l = look();
    l.begin_live(at(10s));
    l.on_live(live(people.client(1), FIN_WAIT2, at(5s)), 1);
    l.on_live(live(people.client(2), FIN_WAIT2, at(5s + 1ns)), 1);
    EXPECT_EQ(l.in(FIN_WAIT2).at(0)->old, 1u);
}

TEST_F(OpenSocketsTest, an_age_is_never_negative) {
    analysis::OpenSockets l = look();
    l.begin_live(at(1s));
    l.on_live(live(people.client(1), CLOSE_WAIT, at(2s)), 1);
    EXPECT_EQ(l.in(CLOSE_WAIT)[0]->oldest, 0s);
}

} // namespace
} // namespace tcpdwell::test

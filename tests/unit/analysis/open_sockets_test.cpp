// SPDX-License-Identifier: Apache-2.0
#include "held_sockets.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

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
    EXPECT_EQ(l.in(CLOSE_WAIT)[1]->held, l.in(CLOSE_WAIT)[1]->old);
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
    EXPECT_TRUE(l.one_way().empty());
    add(ESTABLISHED, 2'999, 10, 4, 0); // a window of 0, with which the peer took back another
    EXPECT_TRUE(l.one_way().empty());
    add(ESTABLISHED, 2'999, 10, 4, 0, 0,
        500); // heard, and for 3.0 s at least nothing was acknowledged
    ASSERT_EQ(l.one_way().size(), 1u);
    EXPECT_EQ(l.one_way()[0]->old, 1u);
    add(ESTABLISHED, 3'100, 10, 5, 0, 0, 500); // heard after 3.1 of at least 6.2 s
    EXPECT_EQ(l.one_way()[0]->old, 2u);
    add(ESTABLISHED, 3'101, 10, 5, 0, 0, 500);
    EXPECT_EQ(l.unanswering().at(0)->old, 1u);
    l.begin_live(at(100s));
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

TEST_F(OpenSocketsTest, numbers_are_summed_up_where_they_are_known) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    event::SocketNumbers known = moved(3'000, 90'000);
    known.unsent = 5;
    known.unacked = 6;
    known.unread = 7;
    known.timeouts = 3;
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
    EXPECT_EQ(h.most_timeouts, 3u);
    EXPECT_EQ(h.longest_silence, 3s);
    EXPECT_EQ(h.zero_window, 0u) << "it isn't known";
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

TEST_F(OpenSocketsTest, who_opened_those_that_are_not_old_is_not_asked_for) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    track::ConnectionIdentity& young = people.client(1);
    young.process = process(7, "app");
    track::ConnectionIdentity& old = people.client(2);
    old.process = process(8, "app");
    l.on_live(live(young, CLOSE_WAIT, at(99s)), 1);
    l.on_live(live(old, CLOSE_WAIT, at(1s)), 1);
    EXPECT_EQ(l.in(CLOSE_WAIT).at(0)->owner, process(8, "app"));
}

} // namespace
} // namespace tcpdwell::test

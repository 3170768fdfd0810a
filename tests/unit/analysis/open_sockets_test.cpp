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
        l.on_live(live(people.client(1), state, at(0s)));
    for (const tcp::State state : kAllOf<tcp::State>) {
        const bool wanted = state == SYN_SENT || state == FIN_WAIT2 || state == CLOSE_WAIT ||
                            state == LAST_ACK || state == CLOSING;
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
        l.on_live(live(people.client(1), state, at(100s - age)));
        l.on_live(live(people.client(2), state, at(100s - age + 1ns)));
        ASSERT_EQ(l.in(state).size(), 1u) << name(state);
        const analysis::HeldSockets& h = *l.in(state)[0];
        EXPECT_EQ(h.sockets, 2u) << name(state);
        EXPECT_EQ(h.old, 1u) << name(state);
        EXPECT_EQ(h.oldest, age);
        EXPECT_EQ(h.ids.size(), 1u);
    }
}

TEST_F(OpenSocketsTest, fin_wait2_needs_no_age) {
    analysis::OpenSockets l = look();
    l.begin_live(at(1s));
    l.on_live(live(people.client(1), FIN_WAIT2, at(1s)));
    EXPECT_EQ(l.in(FIN_WAIT2).at(0)->old, 1u);
}

TEST_F(OpenSocketsTest, by_process_and_namespace_with_the_worst_first) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    const auto add = [&](std::uint32_t pid, std::uint32_t netns, int count, Nanoseconds since) {
        for (int i = 0; i < count; ++i) {
            auto& who = people.add(tcp::Role::client, tuple("10.0.0.1", 1, "10.0.0.2", 80),
                                   process(pid, "app"));
            who.netns = netns;
            l.on_live(live(who, CLOSE_WAIT, at(since)));
        }
    };
    add(1, kNetns, 9, 99s); // none of them old
    add(4, kNetns, 2, 0s);
    add(2, kNetns, 2, 0s); // as many: in the order of their numbers
    add(3, kNetns, 4, 0s);
    add(2, kNetns + 1, 3, 0s);
    std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>> got;
    for (const analysis::HeldSockets* h : l.in(CLOSE_WAIT))
        got.emplace_back(h->process->pid, h->netns, h->old);
    EXPECT_EQ(
        got,
        (std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>>{
            {3, kNetns, 4}, {2, kNetns + 1, 3}, {2, kNetns, 2}, {4, kNetns, 2}, {1, kNetns, 0}}));
}

TEST_F(OpenSocketsTest, sockets_without_a_process_are_together) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    for (tcp::Port port = 1; port <= 3; ++port)
        l.on_live(live(
            people.add(tcp::Role::client, tuple("10.0.0.1", port, "10.0.0.2", 80), std::nullopt),
            LAST_ACK, at(0s)));
    ASSERT_EQ(l.in(LAST_ACK).size(), 1u);
    EXPECT_EQ(l.in(LAST_ACK)[0]->sockets, 3u);
    EXPECT_FALSE(l.in(LAST_ACK)[0]->process);
}

TEST_F(OpenSocketsTest, the_oldest_is_known_by_its_ends_and_whether_its_age_is_exact) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    auto& young = people.client(1);
    auto& old = people.client(2);
    l.on_live(live(young, CLOSE_WAIT, at(50s)));
    EXPECT_TRUE(l.in(CLOSE_WAIT)[0]->oldest_is_exact);
    l.on_live(live(old, CLOSE_WAIT, std::nullopt, at(10s))); // there before tracing began
    const analysis::HeldSockets& h = *l.in(CLOSE_WAIT)[0];
    EXPECT_EQ(h.oldest, 90s);
    EXPECT_FALSE(h.oldest_is_exact);
    EXPECT_EQ(h.oldest_tuple, old.tuple);
}

TEST_F(OpenSocketsTest, a_few_ids_and_all_hosts_of_old_ones) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    for (int i = 0; i < 20; ++i)
        l.on_live(
            live(people.client(static_cast<tcp::Port>(i + 1), i < 15 ? "10.0.0.7" : "10.0.0.8"),
                 SYN_SENT, at(0s)));
    l.on_live(live(people.client(99, "10.0.0.9"), SYN_SENT, at(99s)));
    const analysis::HeldSockets& h = *l.in(SYN_SENT).at(0);
    EXPECT_EQ(h.ids.size(), 5u);
    EXPECT_EQ(h.hosts, (std::map<tcp::IpAddress, std::uint64_t>{{address("10.0.0.7"), 15},
                                                                {address("10.0.0.8"), 5}}));
}

TEST_F(OpenSocketsTest, begins_anew_with_each_report) {
    analysis::OpenSockets l = look();
    l.begin_live(at(100s));
    l.on_live(live(people.client(1), CLOSE_WAIT, at(0s)));
    l.begin_live(at(200s));
    EXPECT_TRUE(l.in(CLOSE_WAIT).empty());
}

TEST_F(OpenSocketsTest, an_age_is_never_negative) {
    analysis::OpenSockets l = look();
    l.begin_live(at(1s));
    l.on_live(live(people.client(1), CLOSE_WAIT, at(2s)));
    EXPECT_EQ(l.in(CLOSE_WAIT)[0]->oldest, 0s);
}

} // namespace
} // namespace tcpdwell::test

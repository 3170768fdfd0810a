// SPDX-License-Identifier: Apache-2.0
// Which lines of several hosts are joined, whatever their clocks, ports and recordings do.
#include "analysis/both_ends.h"

#include <gtest/gtest.h>

#include <array>

#include "lines.h"

namespace tcpdwell::test {
namespace {

constexpr auto kAlways = std::nullopt; ///< was open before the recording began, or is after its end

/// Hosts that look on for a minute, and what they saw. Times are those of the host's own clock.
class BothEndsTest : public testing::Test {
protected:
    using Time = std::optional<Nanoseconds>;

    void SetUp() override { hosts.reserve(3); }

    analysis::EndSummaries& host(const char* name,
                                 std::size_t most = analysis::EndSummaries::kMost) {
        analysis::EndSummaries& added = hosts.emplace_back(name, most);
        added.set_span(synth::kTestClock.to_wall(at(0s)), synth::kTestClock.to_wall(at(60s)));
        return added;
    }
    static void saw(analysis::EndSummaries& who, const tcp::FourTuple& ends, Time opened,
                    Time closed, tcp::Role role = tcp::Role::unknown,
                    std::vector<track::PathStep> states = {}) {
        track::ConnectionIdentity identity;
        identity.tuple = ends;
        identity.role = role;
        track::ConnectionLine line;
        line.who = &identity;
        if (opened) line.opened = at(*opened);
        if (closed) line.closed = at(*closed);
        line.states = states;
        who.add(line, synth::kTestClock, true);
    }
    static tcp::FourTuple mirrored(const tcp::FourTuple& ends) {
        return {ends.remote, ends.local, ends.family};
    }
    [[nodiscard]] std::vector<analysis::JoinedEnds> joined() const {
        return analysis::BothEnds(hosts).joined();
    }

    std::vector<analysis::EndSummaries> hosts;
    const tcp::FourTuple to_b = tuple("10.0.0.1", 40'000, "10.0.0.2", 80); ///< as a sees it
    const tcp::FourTuple to_a = mirrored(to_b);
};

using Joined = std::vector<analysis::JoinedEnds>;

TEST_F(BothEndsTest, mirrored_tuples_are_joined_and_the_client_is_reported_by_its_role) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    saw(a, to_b, 1s, 2s, tcp::Role::server);
    saw(b, to_a, 1s, 2s);
    EXPECT_EQ(joined(), (Joined{{{1, 0}, {0, 0}}}));
}

/// Active opens may come from a small port.
TEST_F(BothEndsTest, one_known_role_is_enough_whatever_the_ports_are) {
    const tcp::FourTuple upwards = tuple("10.0.0.1", 80, "10.0.0.2", 40'000);
    for (const bool by_client : {false, true}) {
        hosts.clear();
        analysis::EndSummaries& a = host("a");
        analysis::EndSummaries& b = host("b");
        saw(a, upwards, 1s, 2s, by_client ? tcp::Role::client : tcp::Role::unknown);
        saw(b, mirrored(upwards), 1s, 2s, by_client ? tcp::Role::unknown : tcp::Role::server);
        EXPECT_EQ(joined(), (Joined{{{0, 0}, {1, 0}}}));
    }
}

TEST_F(BothEndsTest, without_roles_the_smaller_port_serves) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    saw(a, to_b, 1s, 2s);
    saw(b, to_a, 1s, 2s);
    EXPECT_EQ(joined(), (Joined{{{0, 0}, {1, 0}}}));
}

TEST_F(BothEndsTest, the_same_tuple_is_not_its_mirror_image) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    saw(a, to_b, 1s, 2s);
    saw(b, to_b, 1s, 2s);
    saw(b, tuple("10.0.0.2", 80, "10.0.0.1", 40'001), 1s, 2s);
    saw(b, tuple("10.0.0.2", 81, "10.0.0.1", 40'000), 1s, 2s);
    EXPECT_EQ(joined(), Joined{});
}

TEST_F(BothEndsTest, ipv4_in_an_ipv6_socket_is_ipv4) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    tcp::FourTuple mapped = to_a;
    mapped.family = tcp::Family::ipv6;
    saw(a, to_b, 1s, 2s);
    saw(b, mapped, 1s, 2s);
    EXPECT_EQ(joined().size(), 1u);
}

TEST_F(BothEndsTest, what_is_too_far_apart_is_not_the_same_connection) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    saw(a, to_b, 1s, 2s);
    saw(b, to_a, 1s + analysis::BothEnds::kTolerance + 1ns, 60s);
    EXPECT_EQ(joined(), Joined{});
}

TEST_F(BothEndsTest, ports_used_again_are_distinguished_by_time) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    for (const Nanoseconds t : {1s, 10s, 20s}) saw(a, to_b, t, t + 1s);
    saw(b, to_a, 20s + 1ms, 21s);
    saw(b, to_a, 1s + 1ms, 2s);
    const analysis::BothEnds both(hosts);
    EXPECT_EQ(both.joined(), (Joined{{{0, 0}, {1, 1}}, {{0, 2}, {1, 0}}}));
    EXPECT_FALSE(both.has_partner({0, 1})); // b's recording has lost it
}

TEST_F(BothEndsTest, clocks_that_differ_are_set_before_used_ports_are_distinguished) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    constexpr Nanoseconds kAhead = 7s;
    for (tcp::Port p = 1; p <= 5; ++p) {
        const tcp::FourTuple other = tuple("10.0.0.1", p, "10.0.0.2", 443);
        saw(a, other, 3s * p, 60s);
        saw(b, mirrored(other), 3s * p + kAhead, 60s);
    }
    for (const Nanoseconds t : {1s, 3s, 5s, 8s, 40s}) saw(a, to_b, t, t + 1s);
    for (const Nanoseconds t : {1s, 3s, 5s, 8s})
        saw(b, to_a, t + kAhead, t + kAhead + 1s); // a's next one is nearer
    const analysis::BothEnds both(hosts);
    EXPECT_EQ(both.clock_difference(0, 1), kAhead);
    EXPECT_EQ(both.clock_difference(1, 0), -kAhead);
    ASSERT_EQ(both.joined().size(), 9u);
    for (std::uint32_t i = 5; i < 9; ++i) EXPECT_TRUE(both.has_partner({0, i}));
    for (const analysis::JoinedEnds& ends : both.joined())
        EXPECT_EQ(ends.client.line, ends.server.line);
}

TEST_F(BothEndsTest, clocks_differ_by_the_median_of_all_uses_of_a_tuple) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    for (const Nanoseconds t : {1s, 2s, 3s, 4s, 5s}) {
        saw(a, to_b, t, t + 500ms);
        const bool is_late = t < 3s; // as SYNs that are sent again
        saw(b, to_a, t + (is_late ? 300ms : 1ms), t + 500ms);
    }
    EXPECT_EQ(analysis::BothEnds(hosts).clock_difference(0, 1), 1ms);
}

TEST_F(BothEndsTest, a_tuple_used_very_often_is_joined_throughout) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    constexpr std::uint32_t kTimes = 3000;
    for (std::uint32_t i = 0; i < kTimes; ++i) {
        const Nanoseconds t = 10ms * i;
        saw(a, to_b, t, t + 5ms);
        if (i % 100 != 50) saw(b, to_a, t + 1ms, t + 5ms);
    }
    const Joined pairs = joined();
    ASSERT_EQ(pairs.size(), kTimes - kTimes / 100);
    for (const analysis::JoinedEnds& ends : pairs)
        EXPECT_EQ(hosts[1][ends.server.line].opened_ns - hosts[0][ends.client.line].opened_ns,
                  1'000'000);
}

TEST_F(BothEndsTest, where_an_opening_was_not_seen_the_ending_counts_less_the_time_wait) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    const std::vector<track::PathStep> waited{
        {ESTABLISHED, std::nullopt}, {FIN_WAIT1, 1ms}, {TIME_WAIT, 45s}};
    saw(a, to_b, kAlways, 50s, tcp::Role::client, waited);
    saw(b, to_a, kAlways, 5s);
    saw(b, to_a, 40s, 50s); // would be nearer, if the TIME_WAIT counted
    EXPECT_EQ(joined(), (Joined{{{0, 0}, {1, 0}}}));
}

TEST_F(BothEndsTest, among_many_uses_one_without_an_opening_is_found_by_its_ending) {
    constexpr std::uint32_t kTimes = 1000;
    constexpr std::uint32_t kThis = 700;
    for (const bool first_host : {false, true}) {
        hosts.clear();
        analysis::EndSummaries& a = host("a");
        analysis::EndSummaries& b = host("b");
        for (std::uint32_t i = 0; i < kTimes; ++i)
            saw(first_host ? b : a, first_host ? to_a : to_b, 10ms * i, 10ms * i + 5ms);
        saw(first_host ? a : b, first_host ? to_b : to_a, kAlways, 10ms * kThis + 5ms);
        const std::uint32_t many = first_host ? 1 : 0;
        const Joined pairs = joined();
        ASSERT_EQ(pairs.size(), 1U);
        const auto& [client, server] = pairs[0];
        EXPECT_EQ((client.host == many ? client : server).line, kThis);
    }
}

TEST_F(BothEndsTest, what_was_open_before_says_nothing_of_the_clocks) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    saw(a, to_b, 100ms, 50s);
    saw(b, to_a, kAlways, 50s);
    EXPECT_EQ(analysis::BothEnds(hosts).clock_difference(0, 1), 0ns);
    EXPECT_EQ(analysis::BothEnds(hosts).clock_difference(1, 0), 0ns);
    const tcp::FourTuple other = tuple("10.0.0.1", 40'001, "10.0.0.2", 80);
    saw(a, other, 1s, 2s);
    saw(b, mirrored(other), 1s + 7ms, 2s);
    EXPECT_EQ(analysis::BothEnds(hosts).clock_difference(0, 1), 7ms);
    EXPECT_EQ(analysis::BothEnds(hosts).clock_difference(1, 0), -7ms);
    hosts.clear();
    saw(host("a"), to_b, kAlways, 50s);
    saw(host("b"), to_a, 100ms, 50s);
    EXPECT_EQ(analysis::BothEnds(hosts).clock_difference(0, 1), 0ns);
}

TEST_F(BothEndsTest, what_was_there_all_along_on_both_hosts_is_joined) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    saw(a, to_b, kAlways, kAlways);
    saw(b, to_a, kAlways, kAlways);
    EXPECT_EQ(joined().size(), 1u);
}

TEST_F(BothEndsTest, hosts_recorded_at_different_times_have_nothing_in_common) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    b.set_span(synth::kTestClock.to_wall(at(1000s)), synth::kTestClock.to_wall(at(1060s)));
    saw(a, to_b, kAlways, kAlways);
    saw(b, to_a, kAlways, kAlways);
    EXPECT_EQ(joined(), Joined{});
}

TEST_F(BothEndsTest, a_copy_of_a_host_is_not_joined_with_it) {
    for (const char* name : {"a", "copy of a"}) {
        analysis::EndSummaries& a = host(name);
        saw(a, to_b, 1s, 2s, tcp::Role::client);
        const tcp::FourTuple own =
            tuple("10.0.0.1", 50'000, "172.17.0.2", 5432); // both ends here, at two addresses
        saw(a, own, 3s, 4s, tcp::Role::client);
        saw(a, mirrored(own), 3s, 4s, tcp::Role::server);
    }
    const analysis::BothEnds both(hosts);
    EXPECT_EQ(both.joined(), Joined{});
    EXPECT_FALSE(both.has_partner({0, 0}));
    EXPECT_TRUE(both.has_partner({0, 1})); // at home
    EXPECT_TRUE(both.has_partner({1, 2}));
}

TEST_F(BothEndsTest, of_three_hosts_each_line_is_used_once_and_the_nearest_first) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    analysis::EndSummaries& copy = host("copy of a");
    saw(a, to_b, 1s + 5ms, 2s);
    saw(b, to_a, 1s, 2s);
    saw(copy, to_b, 1s + 2ms, 2s);
    // With one sample each the clocks would be set so that both fit exactly; so let them be
    // reported by others.
    for (tcp::Port p = 1; p <= 3; ++p) {
        const tcp::FourTuple other = tuple("10.0.0.1", p, "10.0.0.2", 443);
        const tcp::FourTuple third = tuple("10.0.0.3", p, "10.0.0.2", 443);
        saw(a, other, 3s * p, 60s);
        saw(b, mirrored(other), 3s * p, 60s);
        saw(copy, third, 3s * p, 60s);
        saw(b, mirrored(third), 3s * p, 60s);
    }
    const Joined pairs = joined();
    EXPECT_EQ(pairs.size(), 7u);
    EXPECT_EQ(std::count(pairs.begin(), pairs.end(), analysis::JoinedEnds{{2, 0}, {1, 0}}), 1);
    EXPECT_EQ(std::count(pairs.begin(), pairs.end(), analysis::JoinedEnds{{0, 0}, {1, 0}}), 0);
}

TEST_F(BothEndsTest, loopback_never_leaves_its_host) {
    analysis::EndSummaries& a = host("a");
    analysis::EndSummaries& b = host("b");
    for (const auto& ends :
         {tuple("127.0.0.1", 40'000, "127.0.0.1", 80), tuple("::1", 40'000, "::1", 80),
          tuple("127.0.0.1", 40'000, "127.0.0.53", 53),
          tuple("10.0.0.1", 40'000, "10.0.0.1", 80)}) {
        saw(a, ends, 1s, 2s);
        saw(b, mirrored(ends), 1s, 2s);
    }
    EXPECT_EQ(a.size() + b.size(), 0u);
    EXPECT_EQ(joined(), Joined{});
}

TEST_F(BothEndsTest, what_there_is_no_room_for_is_counted) {
    analysis::EndSummaries& a = host("a", 2);
    for (int i = 0; i < 5; ++i) saw(a, to_b, 1s, 2s);
    EXPECT_EQ(a.size(), 2u);
    EXPECT_EQ(a.left_out(), 3u);
}

TEST(EndSummary, knows_the_time_in_each_state) {
    analysis::EndSummaries ends("a");
    track::ConnectionIdentity who;
    who.tuple = tuple("10.0.0.1", 40'000, "10.0.0.2", 80);
    const std::array states{track::PathStep{SYN_SENT, 1ms}, track::PathStep{ESTABLISHED, 5s},
                            track::PathStep{FIN_WAIT2, std::nullopt}};
    track::ConnectionLine line;
    line.who = &who;
    line.states = states;
    ends.add(line, synth::kTestClock, false);
    ends.add(line, synth::kTestClock, true);
    EXPECT_EQ(ends.time_in(ends[1], ESTABLISHED), Nanoseconds(5s));
    EXPECT_EQ(ends.time_in(ends[1], FIN_WAIT2), std::nullopt);
    EXPECT_EQ(ends.time_in(ends[1], TIME_WAIT), std::nullopt);
    EXPECT_TRUE(ends.has_been_in(ends[1], FIN_WAIT2));
    EXPECT_FALSE(ends.has_been_in(ends[1], TIME_WAIT));
    EXPECT_EQ(ends.states(ends[1]).size(), states.size());
    EXPECT_FALSE(ends[0].selected);
}

struct Words {
    tcp::ClosedFirst client;
    tcp::ClosedFirst server;
    analysis::Agreement agreement;
    tcp::Ending client_ending = tcp::Ending::fin;
};

TEST(Agreement, is_by_mirror) {
    using enum tcp::ClosedFirst;
    const Words cases[] = {
        {local, remote, analysis::Agreement::client},
        {remote, local, analysis::Agreement::server},
        {both, both, analysis::Agreement::both},
        {none, none, analysis::Agreement::none},
        {local, local, analysis::Agreement::crossed},
        {both, local, analysis::Agreement::crossed},
        {local, both, analysis::Agreement::crossed},
        {remote, remote, analysis::Agreement::disagree},
        {both, remote, analysis::Agreement::disagree},
        {none, local, analysis::Agreement::disagree, tcp::Ending::timed_out},
        {unknown, local, analysis::Agreement::not_told},
        {remote, unknown, analysis::Agreement::not_told},
        {unknown, unknown, analysis::Agreement::not_told},
        {none, local, analysis::Agreement::not_told, tcp::Ending::open},
    };
    for (const Words& words : cases) {
        analysis::EndSummary client;
        analysis::EndSummary server;
        client.closed_first = words.client;
        client.ending = words.client_ending;
        server.closed_first = words.server;
        server.ending = tcp::Ending::fin;
        EXPECT_EQ(agreement(client, server), words.agreement)
            << name(words.client) << " at the client, " << name(words.server) << " at the server";
    }
}

} // namespace
} // namespace tcpdwell::test

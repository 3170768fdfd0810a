// SPDX-License-Identifier: Apache-2.0
// What is added up of joined connections: by pair of hosts, and by server.
#include "analysis/both_ends_sums.h"

#include <gtest/gtest.h>

#include "lines.h"

namespace tcpdwell::test {
namespace {

using analysis::Agreement;

/// A client's host and a server's, which look on for a minute.
class BothEndsSumsTest : public testing::Test {
protected:
    struct End {
        std::optional<Nanoseconds> opened, closed;
        tcp::ClosedFirst first = tcp::ClosedFirst::local;
        Nanoseconds established = 10ms;
        bool has_waited = false; ///< in TIME_WAIT
        bool selected = true;
    };

    BothEndsSumsTest() {
        hosts_.reserve(2);
        for (const char* name : {"client", "server"})
            hosts_.emplace_back(name, analysis::EndSummaries::kMost)
                .set_span(synth::kTestClock.to_wall(at(0s)), synth::kTestClock.to_wall(at(60s)));
    }
    void saw(std::uint32_t host, const tcp::FourTuple& ends, tcp::Role role, const End& end) {
        track::ConnectionIdentity identity;
        identity.tuple = ends;
        identity.role = role;
        std::vector<track::PathStep> states{{ESTABLISHED, end.established}};
        if (end.has_waited) states.push_back({TIME_WAIT, 1s});
        track::ConnectionLine line;
        line.who = &identity;
        if (end.opened) line.opened = at(*end.opened);
        if (end.closed) line.closed = at(*end.closed);
        line.closed_first = end.first;
        line.ending = tcp::Ending::fin;
        line.states = states;
        hosts_[host].add(line, synth::kTestClock, end.selected);
    }
    void client_saw(tcp::Port port, const End& end) {
        saw(0, tuple("10.0.0.1", port, "10.0.0.2", 80), tcp::Role::client, end);
    }
    void server_saw(tcp::Port port, const End& end) {
        saw(1, tuple("10.0.0.2", 80, "10.0.0.1", port), tcp::Role::server, end);
    }
    /// Both, in agreement that the client closed.
    void both_saw(tcp::Port port, Nanoseconds opened, Nanoseconds delay = 1ms) {
        client_saw(port, {.opened = opened, .closed = opened + 1s});
        server_saw(
            port,
            {.opened = opened + delay, .closed = opened + 1s, .first = tcp::ClosedFirst::remote});
    }
    analysis::BothEndsSums sums(analysis::Weight weight = 1) {
        const analysis::BothEnds both(hosts_);
        return analysis::sum_up(hosts_, both, weight);
    }

    std::vector<analysis::EndSummaries> hosts_;
};

TEST_F(BothEndsSumsTest, count_what_was_joined_and_what_each_end_says) {
    both_saw(40'000, 1s);
    both_saw(40'001, 2s);
    client_saw(40'002, {.opened = 3s, .closed = 4s}); // each says it was the first
    server_saw(40'002, {.opened = 3s, .closed = 4s, .first = tcp::ClosedFirst::none});
    for (const analysis::Weight weight : {1U, 10U}) {
        const auto found = sums(weight);
        ASSERT_EQ(found.pairs.size(), 1U);
        EXPECT_EQ(found.pairs[0].client_host, 0U);
        EXPECT_EQ(found.pairs[0].server_host, 1U);
        EXPECT_EQ(found.pairs[0].joined, 3 * weight);
        EXPECT_EQ(found.pairs[0].disagreements.size(), 1U);
        ASSERT_EQ(found.servers.size(), 1U);
        EXPECT_EQ(found.servers[0].server, (tcp::Endpoint{address("10.0.0.2"), 80}));
        EXPECT_EQ(found.servers[0].connections, 3 * weight);
        EXPECT_EQ(found.servers[0].count(Agreement::client), 2 * weight);
        EXPECT_EQ(found.servers[0].count(Agreement::disagree), 1 * weight);
        EXPECT_EQ(found.servers[0].count(Agreement::server), 0U);
    }
}

TEST_F(BothEndsSumsTest, clocks_differ_by_the_median_of_those_that_both_saw_open) {
    EXPECT_TRUE(sums().pairs.empty());
    client_saw(40'000, {.opened = std::nullopt, .closed = 10s});
    server_saw(40'000, {.opened = 2s, .closed = 10s});
    client_saw(40'001, {.opened = 3s, .closed = 11s});
    server_saw(40'001, {.opened = std::nullopt, .closed = 11s});
    ASSERT_EQ(sums().pairs.size(), 1U);
    EXPECT_EQ(sums().pairs[0].joined, 2U);
    EXPECT_EQ(sums().pairs[0].clock_difference, std::nullopt);
    both_saw(40'002, 20s, 9ms);
    both_saw(40'003, 21s, 2ms);
    both_saw(40'004, 22s, 3ms);
    EXPECT_EQ(sums().pairs[0].clock_difference, 3ms);
}

TEST_F(BothEndsSumsTest, have_the_median_time_at_each_end_and_where_time_waits_were) {
    int number = 0;
    for (const auto& [client, server] :
         {std::pair(5ms, 50ms), std::pair(7ms, 70ms), std::pair(6ms, 60ms), std::pair(1ms, 10ms)}) {
        const auto port = static_cast<tcp::Port>(40'000 + number);
        client_saw(port, {.opened = 1s,
                          .closed = 2s,
                          .established = client,
                          .has_waited = number == 0 || number == 3});
        server_saw(port, {.opened = 1s,
                          .closed = 2s,
                          .first = tcp::ClosedFirst::remote,
                          .established = server,
                          .has_waited = number >= 2});
        ++number;
    }
    const auto found = sums();
    ASSERT_EQ(found.servers.size(), 1U);
    EXPECT_EQ(found.servers[0].client_established, 6ms);
    EXPECT_EQ(found.servers[0].server_established, 60ms);
    EXPECT_EQ(found.servers[0].time_wait, (std::array<std::uint64_t, 4>{1, 1, 1, 1}));
}

TEST_F(BothEndsSumsTest, show_the_first_disagreements) {
    for (int i = 14; i >= 0; --i) {
        const auto port = static_cast<tcp::Port>(40'000 + i);
        client_saw(port, {.opened = 1s * (i + 1), .closed = 30s});
        server_saw(port, {.opened = 1s * (i + 1), .closed = 30s, .first = tcp::ClosedFirst::none});
    }
    const auto found = sums();
    ASSERT_EQ(found.pairs.size(), 1U);
    ASSERT_EQ(found.pairs[0].disagreements.size(), 10U);
    for (std::uint32_t i = 0; i < 10; ++i)
        EXPECT_EQ(found.pairs[0].disagreements[i].client.line, 14 - i);
}

TEST_F(BothEndsSumsTest, what_the_filter_leaves_out_at_both_ends_does_not_count) {
    client_saw(40'000, {.opened = 1s, .closed = 2s, .selected = false});
    server_saw(40'000, {.opened = 1s, .closed = 2s, .selected = false});
    client_saw(40'009, {.opened = 1s, .closed = 2s, .selected = false});
    EXPECT_TRUE(sums().pairs.empty());
    EXPECT_TRUE(sums().servers.empty());
    client_saw(40'001, {.opened = 1s, .closed = 2s, .selected = false});
    server_saw(40'001, {.opened = 1s, .closed = 2s});
    client_saw(40'002, {.opened = 1s, .closed = 2s});
    server_saw(40'002, {.opened = 1s, .closed = 2s, .selected = false});
    ASSERT_EQ(sums().pairs.size(), 1U);
    EXPECT_EQ(sums().pairs[0].joined, 2U);
    EXPECT_EQ(sums().pairs[0].only_client.connections, 0U);
}

TEST_F(BothEndsSumsTest, one_end_alone_counts_at_the_host_that_should_have_seen_the_other) {
    both_saw(40'000, 1s); // so both addresses are known
    client_saw(40'001, {.opened = 1s, .closed = 2s});
    client_saw(40'002, {.opened = 1s, .closed = 2s});
    server_saw(40'003, {.opened = 1s, .closed = 2s});
    saw(0, tuple("10.0.0.1", 40'004, "10.0.0.99", 80), tcp::Role::client,
        {.opened = 1s, .closed = 2s}); // of a host that wasn't looked at
    saw(0, tuple("10.0.0.1", 50'000, "10.0.0.2", 81), tcp::Role::unknown,
        {.opened = 1s, .closed = 2s}); // the larger port connects
    saw(0, tuple("10.0.0.1", 82, "10.0.0.2", 50'000), tcp::Role::unknown,
        {.opened = 1s, .closed = 2s});
    const auto found = sums(10);
    ASSERT_EQ(found.pairs.size(), 2U);
    EXPECT_EQ(found.pairs[0].only_client.connections, 30U);
    EXPECT_EQ(found.pairs[0].only_server.connections, 10U);
    EXPECT_EQ(found.pairs[0].only_client.outside, 0U);
    EXPECT_EQ(found.pairs[1].client_host, 1U);
    EXPECT_EQ(found.pairs[1].server_host, 0U);
    EXPECT_EQ(found.pairs[1].only_server.connections, 10U);
}

TEST_F(BothEndsSumsTest, one_end_alone_may_have_been_there_while_nobody_looked) {
    both_saw(40'000, 20s, 0ms);
    hosts_[1].set_span(synth::kTestClock.to_wall(at(10s)), synth::kTestClock.to_wall(at(50s)));
    client_saw(40'001, {.opened = 1s, .closed = 9s});
    client_saw(40'002, {.opened = 1s, .closed = 10s}); // touches it
    client_saw(40'003, {.opened = 50s, .closed = 51s});
    client_saw(40'004, {.opened = 51s, .closed = 52s});
    client_saw(40'005, {.opened = 51s, .closed = std::nullopt}); // open to the end
    client_saw(40'006, {.opened = std::nullopt, .closed = 5s});  // there from the beginning
    const auto found = sums();
    ASSERT_EQ(found.pairs.size(), 1U);
    EXPECT_EQ(found.pairs[0].only_client.connections, 6U);
    EXPECT_EQ(found.pairs[0].only_client.outside, 4U);
}

TEST_F(BothEndsSumsTest, servers_with_disagreements_come_first_then_those_with_most) {
    const auto of_port = [&](tcp::Port server, int count, tcp::ClosedFirst there) {
        for (int i = 0; i < count; ++i) {
            const auto port = static_cast<tcp::Port>(30'000 + server * 10 + i);
            saw(0, tuple("10.0.0.1", port, "10.0.0.2", server), tcp::Role::client,
                {.opened = 1s, .closed = 2s});
            saw(1, tuple("10.0.0.2", server, "10.0.0.1", port), tcp::Role::server,
                {.opened = 1s, .closed = 2s, .first = there});
        }
    };
    of_port(80, 2, tcp::ClosedFirst::remote);
    of_port(81, 3, tcp::ClosedFirst::remote);
    of_port(82, 1, tcp::ClosedFirst::none);
    std::vector<tcp::Port> order;
    for (const analysis::ServedPair& each : sums().servers) order.push_back(each.server.port);
    EXPECT_EQ(order, (std::vector<tcp::Port>{82, 81, 80}));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Connections within one host, as their clients and their servers count them.
#include "analysis/local_pairs.h"

#include <gtest/gtest.h>

#include "lines.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

constexpr std::uint32_t kServersNetns = kNetns + 1;

struct LocalPairsTest : testing::Test {
    analysis::LocalPairs pairs;
    LineFeeder tell{pairs};
    ProcessNames people;

    track::ConnectionIdentity& client(tcp::Port port, const char* from = "10.0.0.2",
                                      const char* to = "10.0.0.1") {
        auto& who = people.add(tcp::Role::client, tuple(from, port, to, 80), process(7, "curl"));
        tell.born(who, 1s, SYN_SENT);
        return who;
    }
    track::ConnectionIdentity& server(tcp::Port port, const char* from = "10.0.0.2",
                                      const char* at_address = "10.0.0.1") {
        auto& who =
            people.add(tcp::Role::server, tuple(at_address, 80, from, port), process(9, "nginx"));
        who.netns = kServersNetns;
        return who;
    }
    void ended(const track::ConnectionIdentity& who, tcp::Ending how = tcp::Ending::fin) {
        tell.ends(who, tcp::ClosedFirst::local, how);
    }
    const report::Table* table() {
        last = report::Report();
        ContextAt moment(20s, 10s);
        pairs.add_to(last, moment.value);
        const report::Section* found = last.find("both_ends_here");
        return found ? &std::get<report::Table>(found->body) : nullptr;
    }
    report::Report last;
};

TEST_F(LocalPairsTest, what_clients_have_and_what_the_server_has) {
    for (tcp::Port port = 1; port <= 125; ++port) ended(client(port));
    for (tcp::Port port = 1; port <= 80; ++port) ended(server(port));
    const report::Table* here = table();
    ASSERT_TRUE(here);
    ASSERT_EQ(here->rows.size(), 1u);
    EXPECT_EQ(number(cell(*here, 0, "client_connections")), 125);
    EXPECT_EQ(number(cell(*here, 0, "server_connections")), 80);
    EXPECT_EQ(number(cell(*here, 0, "only_client")), 45);
    EXPECT_EQ(std::get<report::EndpointValue>(cell(*here, 0, "server")).endpoint,
              (tcp::Endpoint{address("10.0.0.1"), 80}));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(cell(*here, 0, "netns")));
    EXPECT_EQ(std::get<report::ProcessValue>(cell(*here, 0, "client_process")).comm, "curl");
    EXPECT_EQ(std::get<report::ProcessValue>(cell(*here, 0, "server_process")).comm, "nginx");
}

TEST_F(LocalPairsTest, a_filter_may_hide_the_other_end) {
    pairs = analysis::LocalPairs(true);
    for (tcp::Port port = 1; port <= 3; ++port) ended(client(port));
    ended(server(1));
    EXPECT_EQ(number(cell(*table(), 0, "client_connections")), 3);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(cell(*table(), 0, "only_client")));
}

TEST_F(LocalPairsTest, who_reset_by_either_end) {
    ended(client(1), tcp::Ending::reset_received);
    ended(client(2), tcp::Ending::reset_received);
    ended(client(3), tcp::Ending::refused);
    ended(client(4), tcp::Ending::reset_sent);
    ended(server(1), tcp::Ending::reset_sent);
    ended(server(4), tcp::Ending::reset_received);
    const report::Table* here = table();
    ASSERT_TRUE(here);
    EXPECT_EQ(number(cell(*here, 0, "client_reset_received")), 3);
    EXPECT_EQ(number(cell(*here, 0, "client_reset_sent")), 1);
    EXPECT_EQ(number(cell(*here, 0, "server_reset_sent")), 1);
    EXPECT_EQ(number(cell(*here, 0, "server_reset_received")), 1);
}

TEST_F(LocalPairsTest, the_open_ones_count_once) {
    auto& there = client(1);
    auto& here = server(1);
    for (int report = 0; report < 2; ++report) {
        pairs.begin_live(at(5s));
        pairs.on_live(live(there, ESTABLISHED, at(1s)), 1);
        pairs.on_live(live(here, ESTABLISHED, at(1s)), 1);
        const report::Table* all = table();
        ASSERT_TRUE(all);
        EXPECT_EQ(number(cell(*all, 0, "client_connections")), 1);
        EXPECT_EQ(number(cell(*all, 0, "only_client")), 0);
    }
}

TEST_F(LocalPairsTest, nothing_of_other_hosts) {
    ended(client(1, "10.0.0.2", "192.0.2.1")); // a server elsewhere
    ended(server(1, "192.0.2.7"));             // a client elsewhere
    EXPECT_FALSE(table());
    ended(client(2));
    ended(server(2));
    ended(server(3, "192.0.2.7"));
    EXPECT_EQ(number(cell(*table(), 0, "server_connections")), 1);
}

TEST_F(LocalPairsTest, loopback_is_within_a_namespace) {
    ended(client(1, "127.0.0.1", "127.0.0.1"));
    ended(server(1, "127.0.0.1", "127.0.0.1"));
    EXPECT_FALSE(table());
    auto& own = server(2, "127.0.0.1", "127.0.0.1");
    own.netns = kNetns;
    ended(own);
    EXPECT_EQ(number(cell(*table(), 0, "netns")), std::int64_t{kNetns});
}

TEST_F(LocalPairsTest, the_greatest_difference_first_and_intervals_apart) {
    for (tcp::Port port = 1; port <= 9; ++port) ended(client(port));
    for (tcp::Port port = 1; port <= 9; ++port) ended(server(port));
    for (tcp::Port port = 1; port <= 3; ++port) ended(client(port, "10.0.0.2", "10.0.0.3"));
    ended(server(1, "10.0.0.2", "10.0.0.3"));
    EXPECT_EQ(number(cell(*table(), 0, "only_client")), 2);
    EXPECT_EQ(number(cell(*table(), 1, "only_client")), 0);
    pairs.next_interval(at(20s));
    EXPECT_FALSE(table());
}

TEST_F(LocalPairsTest, beyond_so_many_endpoints_further_ones_are_passed_over) {
    constexpr std::size_t most = analysis::LocalPairs::kMostEndpoints;
    track::ConnectionIdentity who = client(1);
    const auto number_of = [](track::ConnectionIdentity identity, std::size_t i) {
        tcp::Endpoint& listener =
            identity.role == tcp::Role::client ? identity.tuple.remote : identity.tuple.local;
        listener.address = address("10.1.0.0");
        listener.address.bytes[14] = static_cast<std::uint8_t>(i >> 8);
        listener.address.bytes[15] = static_cast<std::uint8_t>(i);
        return identity;
    };
    for (std::size_t i = 0; i <= most; ++i) ended(number_of(who, i));
    EXPECT_FALSE(table()) << "no server is here";
    who = server(1);
    for (const std::size_t i : {std::size_t{0}, most - 1, most}) ended(number_of(who, i));
    EXPECT_EQ(table()->rows.size(), 2u) << "known ones go on";
    for (std::size_t i = 0; i <= analysis::LocalPairs::kMostRows; ++i) ended(number_of(who, i));
    EXPECT_EQ(table()->rows.size(), analysis::LocalPairs::kMostRows);
}

} // namespace
} // namespace tcpdwell::test

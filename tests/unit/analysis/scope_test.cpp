// SPDX-License-Identifier: Apache-2.0
// Whether the connections of one finding lead to those of another one.
#include "analysis/scope.h"

#include <gtest/gtest.h>

#include "analysis/upstreams.h"
#include "lines.h"

namespace tcpdwell::test {
namespace {

using analysis::Scope;

tcp::Endpoint endpoint(const char* where, tcp::Port port) { return {address(where), port}; }

Scope serving(const char* where, tcp::Port port, std::uint32_t netns = kNetns) {
    Scope scope;
    scope.netns = netns;
    scope.services.insert(endpoint(where, port));
    return scope;
}

Scope connecting(const char* where, tcp::Port port) {
    Scope scope;
    scope.netns = kNetns;
    scope.remotes.insert(endpoint(where, port));
    return scope;
}

TEST(Scope, leads_to_the_endpoint_that_is_served) {
    EXPECT_TRUE(connects_to(connecting("10.0.0.1", 80), serving("10.0.0.1", 80)));
    EXPECT_TRUE(connects_to(connecting("10.0.0.1", 80), serving("10.0.0.1", 80, kNetns + 1)));
    EXPECT_FALSE(connects_to(connecting("10.0.0.1", 81), serving("10.0.0.1", 80)));
    EXPECT_FALSE(connects_to(connecting("10.0.0.2", 80), serving("10.0.0.1", 80)));
    EXPECT_FALSE(connects_to(Scope(), serving("10.0.0.1", 80)));
    Scope both = connecting("10.0.0.2", 80);
    both.remotes.insert(endpoint("10.0.0.1", 80));
    EXPECT_TRUE(connects_to(both, serving("10.0.0.1", 80)));
}

TEST(Scope, has_loopback_addresses_of_its_own_namespace) {
    EXPECT_TRUE(connects_to(connecting("127.0.0.1", 80), serving("127.0.0.1", 80)));
    EXPECT_FALSE(connects_to(connecting("127.0.0.1", 80), serving("127.0.0.1", 80, kNetns + 1)));
}

TEST(Scope, leads_to_a_listener_on_all_addresses_within_its_namespace) {
    EXPECT_TRUE(connects_to(connecting("10.0.0.1", 80), serving("0.0.0.0", 80)));
    EXPECT_FALSE(connects_to(connecting("10.0.0.1", 81), serving("0.0.0.0", 80)));
    EXPECT_FALSE(connects_to(connecting("10.0.0.1", 80), serving("0.0.0.0", 80, kNetns + 1)));
}

TEST(Scope, of_two_is_all_of_both) {
    Scope all = serving("10.0.0.1", 80);
    all.add_pid(1);
    all.add_pid(0); // not known
    all.connections = 2;
    Scope other = connecting("10.0.0.2", 81);
    other.netns = kNetns + 1;
    other.add_pid(2);
    other.connections = 3;
    other.first = at(5s);
    other.last = at(6s);
    all.add(other);
    EXPECT_EQ(all.netns, kNetns + 1);
    EXPECT_EQ(all.services.size(), 1u);
    EXPECT_EQ(all.remotes.size(), 1u);
    EXPECT_EQ(all.pids, (std::set<std::uint32_t>{1, 2}));
    EXPECT_EQ(all.connections, 5u);
    EXPECT_EQ(all.first, at(5s));
    EXPECT_EQ(all.last, at(6s));
    all.add(Scope()); // without times
    EXPECT_EQ(all.first, at(5s));
    EXPECT_EQ(all.last, at(6s));
    other.first = at(4s);
    other.last = at(7s);
    all.add(other);
    EXPECT_EQ(all.first, at(4s));
    EXPECT_EQ(all.last, at(7s));
    other.first = other.last = at(5s);
    all.add(other);
    EXPECT_EQ(all.first, at(4s));
    EXPECT_EQ(all.last, at(7s));
}

TEST(Scope, names_no_more_than_some) {
    Scope scope;
    for (std::uint32_t pid = 1; pid < 100; ++pid) scope.add_pid(pid);
    EXPECT_EQ(scope.pids.size(), 16u);
}

TEST(Upstreams, are_what_the_processes_are_connected_to) {
    analysis::Upstreams upstreams;
    ProcessNames people;
    const auto connected = [&](std::optional<event::Process> by, const char* to,
                               tcp::State state = ESTABLISHED, tcp::Role role = tcp::Role::client) {
        const auto& who = people.add(role, tuple("10.0.0.1", 40'000, to, 80), by);
        upstreams.on_live(live(who, state, at(1s)), 1);
    };
    connected(process(1, "a"), "10.0.0.2");
    connected(process(1, "a"), "10.0.0.3", SYN_SENT);
    connected(process(2, "b"), "10.0.0.4", CLOSE_WAIT);
    connected(process(1, "a"), "10.0.0.5", TIME_WAIT); // it waits for nothing any more
    connected(process(1, "a"), "10.0.0.6", ESTABLISHED, tcp::Role::server);
    connected(std::nullopt, "10.0.0.7");
    connected(process(0, ""), "10.0.0.8");
    EXPECT_EQ(upstreams.of({1}).remotes,
              (std::set{endpoint("10.0.0.2", 80), endpoint("10.0.0.3", 80)}));
    EXPECT_EQ(upstreams.of({1}).netns, kNetns);
    EXPECT_EQ(upstreams.of({0, 2, 3}).remotes, std::set{endpoint("10.0.0.4", 80)});
    upstreams.begin_live(at(2s));
    EXPECT_TRUE(upstreams.of({1}).remotes.empty());
}

TEST(Upstreams, of_so_many_processes_are_kept_at_most) {
    analysis::Upstreams upstreams;
    ProcessNames people;
    constexpr std::uint32_t most = analysis::Upstreams::kMostProcesses;
    for (std::uint32_t pid = 1; pid <= most + 1; ++pid)
        upstreams.on_live(live(people.add(tcp::Role::client, tuple("10.0.0.1", 1, "10.0.0.2", 80),
                                          process(pid, "a")),
                               ESTABLISHED, at(1s)),
                          1);
    EXPECT_EQ(upstreams.of({most}).remotes.size(), 1u);
    EXPECT_EQ(upstreams.of({most + 1}).remotes.size(), 0u);
    upstreams.on_live(
        live(people.add(tcp::Role::client, tuple("10.0.0.1", 2, "10.0.0.3", 80), process(1, "a")),
             ESTABLISHED, at(1s)),
        1);
    EXPECT_EQ(upstreams.of({1}).remotes.size(), 2u);
}

} // namespace
} // namespace tcpdwell::test

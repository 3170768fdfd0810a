// SPDX-License-Identifier: Apache-2.0
// Counting sockets.
#include "run/census.h"

#include <gtest/gtest.h>

#include <cstring>

namespace tcpdwell::test {
namespace {

event::Process process(std::uint32_t pid, const char* comm) {
    event::Process result{pid, {}};
    std::strncpy(result.comm_bytes.data(), comm, result.comm_bytes.size() - 1);
    return result;
}

run::CensusSocket socket(tcp::State state, tcp::Port local, tcp::Port remote,
                         std::uint32_t netns = 1) {
    run::CensusSocket result;
    result.state = state;
    result.netns = netns;
    result.tuple.local = {*tcp::IpAddress::parse("10.0.0.1"), local};
    if (remote != 0) result.tuple.remote = {*tcp::IpAddress::parse("10.0.0.2"), remote};
    result.has_file = true;
    return result;
}

TEST(Census, RolesFollowTheListeners) {
    std::vector<run::CensusSocket> sockets = {
        socket(tcp::State::ESTABLISHED, 80, 40000),    socket(tcp::State::LISTEN, 80, 0),
        socket(tcp::State::ESTABLISHED, 40000, 80),    socket(tcp::State::TIME_WAIT, 80, 40001),
        socket(tcp::State::ESTABLISHED, 80, 40000, 2),
    };
    assign_roles(sockets);
    EXPECT_EQ(sockets[0].role, tcp::Role::server);
    EXPECT_EQ(sockets[1].role, tcp::Role::server);
    EXPECT_EQ(sockets[2].role, tcp::Role::client);
    EXPECT_EQ(sockets[3].role, tcp::Role::server);
    EXPECT_EQ(sockets[4].role, tcp::Role::client) << "the listener is in another namespace";
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(sockets[i].service_port(), 80);
    EXPECT_EQ(sockets[4].service_port(), 40000);
}

TEST(Census, ARequestIsTheServersEvenIfTheListenerIsGone) {
    std::vector<run::CensusSocket> sockets = {socket(tcp::State::SYN_RECV, 80, 40000)};
    sockets[0].has_file = false;
    assign_roles(sockets);
    EXPECT_EQ(sockets[0].role, tcp::Role::server);
}

TEST(Census, CountsStates) {
    std::vector<run::CensusSocket> sockets = {socket(tcp::State::FIN_WAIT2, 80, 1),
                                              socket(tcp::State::FIN_WAIT2, 80, 2),
                                              socket(tcp::State::TIME_WAIT, 80, 3)};
    sockets[1].has_file = sockets[2].has_file = false;
    const run::StateCensus census = count_states(sockets);
    EXPECT_EQ(census.all[tcp::State::FIN_WAIT2], 2u);
    EXPECT_EQ(census.without_file[tcp::State::FIN_WAIT2], 1u);
    EXPECT_EQ(census.all[tcp::State::TIME_WAIT], 1u);
    EXPECT_EQ(census.all[tcp::State::ESTABLISHED], 0u);
}

TEST(Census, GroupsByProcessLargestFirst) {
    std::vector<run::CensusSocket> sockets = {
        socket(tcp::State::ESTABLISHED, 80, 1), socket(tcp::State::ESTABLISHED, 80, 2),
        socket(tcp::State::CLOSE_WAIT, 80, 3), socket(tcp::State::TIME_WAIT, 80, 4)};
    sockets[0].process = process(7, "web");
    sockets[1].process = process(9, "web");
    sockets[2].process = process(9, "web");
    const auto groups = group_sockets(sockets, run::GroupBy::process);
    ASSERT_EQ(groups.size(), 3u);
    EXPECT_EQ(groups[0].process, process(9, "web"));
    EXPECT_EQ(groups[0].total, 2u);
    EXPECT_EQ(groups[0].counts[tcp::State::CLOSE_WAIT], 1u);
    EXPECT_FALSE(groups[1].process);
    EXPECT_EQ(groups[2].process, process(7, "web"));
}

TEST(Census, GroupsByTheServersPort) {
    std::vector<run::CensusSocket> sockets = {
        socket(tcp::State::LISTEN, 80, 0), socket(tcp::State::ESTABLISHED, 80, 40000),
        socket(tcp::State::ESTABLISHED, 40000, 80), socket(tcp::State::SYN_SENT, 40001, 443)};
    assign_roles(sockets);
    const auto groups = group_sockets(sockets, run::GroupBy::port);
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0].port, 80);
    EXPECT_EQ(groups[0].total, 3u);
    EXPECT_EQ(groups[1].port, 443);
}

TEST(Census, GroupsByRemoteAddressAndItsFamily) {
    std::vector<run::CensusSocket> sockets = {
        socket(tcp::State::LISTEN, 80, 0), socket(tcp::State::ESTABLISHED, 80, 1),
        socket(tcp::State::ESTABLISHED, 80, 2), socket(tcp::State::ESTABLISHED, 80, 3)};
    sockets[3].tuple.family = tcp::Family::ipv6;
    const auto groups = group_sockets(sockets, run::GroupBy::remote);
    ASSERT_EQ(groups.size(), 3u);
    EXPECT_EQ(groups[0].remote, tcp::IpAddress::parse("10.0.0.2"));
    EXPECT_EQ(groups[0].family, tcp::Family::ipv4);
    EXPECT_EQ(groups[0].total, 2u);
    EXPECT_FALSE(groups[1].remote);
    EXPECT_EQ(groups[2].family, tcp::Family::ipv6);
}

TEST(Census, CloseWaitByOwnerAndNamespace) {
    std::vector<run::CensusSocket> sockets = {
        socket(tcp::State::CLOSE_WAIT, 80, 1), socket(tcp::State::CLOSE_WAIT, 80, 2, 5),
        socket(tcp::State::CLOSE_WAIT, 80, 3, 5), socket(tcp::State::ESTABLISHED, 80, 4)};
    for (run::CensusSocket& each : sockets) each.process = process(7, "web");
    const auto groups = close_wait_owners(sockets);
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_EQ(groups[0].netns, 5u);
    EXPECT_EQ(groups[0].count, 2u);
    EXPECT_EQ(groups[1].netns, 1u);
    EXPECT_EQ(groups[1].count, 1u);
}

TEST(Census, ListenersThatShareAPortAddUp) {
    std::vector<run::CensusSocket> sockets = {
        socket(tcp::State::LISTEN, 443, 0), socket(tcp::State::LISTEN, 80, 0),
        socket(tcp::State::LISTEN, 80, 0), socket(tcp::State::LISTEN, 80, 0)};
    for (run::CensusSocket& each : sockets) {
        each.process = process(7, "web");
        each.queued = 2;
        each.queue_limit = 10;
    }
    sockets[3].process = process(8, "web");
    const auto groups = listeners(sockets);
    ASSERT_EQ(groups.size(), 3u);
    EXPECT_EQ(groups[0].local.port, 80);
    EXPECT_EQ(groups[0].process, process(7, "web"));
    EXPECT_EQ(groups[0].count, 2u);
    EXPECT_EQ(groups[0].queued, 4u);
    EXPECT_EQ(groups[0].queue_limit, 20u);
    EXPECT_EQ(groups[1].process, process(8, "web"));
    EXPECT_EQ(groups[2].local.port, 443);
}

} // namespace
} // namespace tcpdwell::test

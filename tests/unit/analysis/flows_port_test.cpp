// SPDX-License-Identifier: Apache-2.0
// Remote servers, local ports held towards them, and the limit of what is distinguished.
#include <gtest/gtest.h>

#include "analysis/flows.h"
#include "lines.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

struct FlowsPortTest : testing::Test {
    analysis::Flows flows{at(0s)};
    LineFeeder tell{flows};
    ProcessNames people;

    const analysis::PortRow& only_row() const {
        EXPECT_EQ(flows.ports().size(), 1u);
        return flows.ports().at(0);
    }
};

TEST_F(FlowsPortTest, a_port_is_held_until_the_last_trace_is_gone) {
    auto& a = people.client(40'001);
    auto& b = people.client(40'002);
    tell.born(a, 1s, SYN_SENT);
    EXPECT_EQ(only_row().held.now(), 1u);
    tell.born(b, 1s, SYN_SENT);
    tell.moves(a, 2s, SYN_SENT, ESTABLISHED);
    tell.moves(a, 3s, ESTABLISHED, FIN_WAIT1);
    tell.moves(a, 3s, FIN_WAIT1, TIME_WAIT);
    EXPECT_EQ(only_row().held.now(), 2u);
    tell.moves(b, 4s, SYN_SENT, CLOSE);
    tell.ends(b, tcp::ClosedFirst::none, tcp::Ending::refused);
    EXPECT_EQ(only_row().held.now(), 1u);
    tell.moves(a, 63s, TIME_WAIT, CLOSE);
    tell.ends(a, tcp::ClosedFirst::local, tcp::Ending::fin, tcp::EndingDetail::none,
              tcp::TimeWaitEnd::expired);
    EXPECT_EQ(only_row().held.now(), 0u);
    EXPECT_EQ(only_row().held.peak(), 2u);
    EXPECT_EQ(only_row().opened, 2u);
}

TEST_F(FlowsPortTest, are_of_one_program_only_if_that_is_known_of_all) {
    auto& known = people.client(40'001);
    auto& unknown = people.client(40'002);
    const std::optional<event::Process> process = unknown.process;
    unknown.process.reset();
    tell.born(unknown, 1s, SYN_SENT);
    tell.born(known, 1s, SYN_SENT);
    EXPECT_EQ(only_row().comm, known.process->comm_bytes);
    EXPECT_FALSE(only_row().is_of_several()) << "it may be learnt yet";
    tell.moves(unknown, 2s, SYN_SENT, CLOSE);
    EXPECT_TRUE(only_row().is_of_several());
    flows.next_interval(at(3s));
    unknown.process = process;
    tell.born(unknown, 4s, SYN_SENT);
    tell.moves(unknown, 5s, SYN_SENT, CLOSE);
    EXPECT_FALSE(only_row().is_of_several());
}

TEST_F(FlowsPortTest, by_local_address_and_remote_endpoint) {
    const auto open = [&](const char* local, const char* remote, tcp::Port port,
                          std::uint32_t netns = kNetns) {
        auto& who = people.add(tcp::Role::client, tuple(local, 40'000, remote, port));
        who.netns = netns;
        tell.born(who, 1s, SYN_SENT);
    };
    open("10.0.0.1", "10.0.0.2", 80);
    open("10.0.0.1", "10.0.0.2", 80);
    open("10.0.0.1", "10.0.0.2", 81);
    open("10.0.0.1", "10.0.0.3", 80);
    open("10.0.0.9", "10.0.0.2", 80);
    open("10.0.0.1", "10.0.0.2", 80, kNetns + 1);
    EXPECT_EQ(flows.ports().size(), 5u);
    EXPECT_EQ(flows.ports()[0].held.now(), 2u);
}

TEST_F(FlowsPortTest, passive_opens_hold_no_port) {
    auto& who = people.server(80);
    tell.born(who, 1s, SYN_RECV);
    EXPECT_TRUE(flows.ports().empty());
    EXPECT_TRUE(flows.remotes().empty());
}

/// At CLOSE -> SYN_SENT connect() hasn't chosen the port yet, but will before it returns.
TEST_F(FlowsPortTest, a_port_that_is_not_known_yet_is_held) {
    for (int i = 0; i < 50; ++i) tell.born(people.client(0), 1s, SYN_SENT);
    EXPECT_EQ(only_row().held.peak(), 50u);
    EXPECT_EQ(only_row().opened, 50u);
}

TEST_F(FlowsPortTest, an_address_that_is_known_late_counts_from_then_on) {
    auto& who = people.client(0);
    who.tuple.local = {};
    tell.born(who, 1s, SYN_SENT);
    EXPECT_TRUE(flows.ports().empty());
    who.tuple.local = {address("10.0.0.1"), 40'000};
    tell.moves(who, 2s, SYN_SENT, ESTABLISHED);
    EXPECT_EQ(only_row().held.now(), 1u);
    EXPECT_EQ(only_row().opened, 1u);
    tell.moves(who, 3s, ESTABLISHED, CLOSE);
    EXPECT_EQ(only_row().held.now(), 0u);
    EXPECT_EQ(only_row().opened, 1u);
}

TEST_F(FlowsPortTest, a_connect_without_an_answer_holds_its_port_too) {
    auto& waiting = people.client(0);
    auto& refused = people.client(0);
    for (auto* who : {&waiting, &refused}) {
        who->tuple.local = {};
        tell.born(*who, 1s, SYN_SENT);
        who->tuple.local = {address("10.0.0.1"),
                            static_cast<tcp::Port>(who == &waiting ? 40'000 : 40'001)};
    }
    flows.begin_live(at(5s));
    flows.on_live(live(waiting, SYN_SENT, at(1s)), 1);
    EXPECT_EQ(only_row().held.now(), 1u);
    tell.moves(refused, 6s, SYN_SENT, CLOSE);
    EXPECT_EQ(only_row().held.now(), 1u);
    EXPECT_EQ(only_row().held.peak(), 2u);
    EXPECT_EQ(only_row().opened, 2u);
    flows.begin_live(at(7s)); // which counts nothing twice
    flows.on_live(live(waiting, SYN_SENT, at(1s)), 1);
    EXPECT_EQ(only_row().held.now(), 1u);
    EXPECT_EQ(only_row().opened, 2u);
}

TEST_F(FlowsPortTest, a_connect_that_found_no_port_holds_none) {
    auto& who = people.client(0);
    tell.born(who, 1s, SYN_SENT);
    tell.moves(who, 1s, SYN_SENT, CLOSE);
    tell.ends(who, tcp::ClosedFirst::none, tcp::Ending::connect_failed, tcp::EndingDetail::no_port);
    EXPECT_EQ(only_row().held.now(), 0u);
    EXPECT_EQ(only_row().opened, 0u);
    EXPECT_TRUE(section<report::Table>(report_of(flows, 20s, 10s), "ports").rows.empty());
    ASSERT_EQ(flows.remotes().size(), 1u);
    EXPECT_EQ(flows.remotes()[0].total().with(tcp::EndingDetail::no_port), 1u);
}

TEST_F(FlowsPortTest, no_more_are_held_than_there_are) {
    for (int i = 0; i < 6; ++i) tell.born(people.client(0), 1s, SYN_SENT);
    EXPECT_EQ(only_row().peak(5), 5u);
    EXPECT_EQ(only_row().peak(7), 6u);
    EXPECT_EQ(only_row().peak(std::nullopt), 6u);
}

TEST_F(FlowsPortTest, ports_that_bind_chose_are_held_towards_all) {
    for (tcp::Port port = 1; port <= 3; ++port) {
        auto& who = people.client(port, port == 1 ? "10.0.0.2" : "10.0.0.3");
        who.is_bound = true;
        tell.born(who, 1s, SYN_SENT);
        tell.moves(who, 2s, SYN_SENT, ESTABLISHED);
    }
    EXPECT_TRUE(only_row().is_bound());
    EXPECT_EQ(only_row().held.now(), 3u);
    EXPECT_EQ(flows.bound_ports(kNetns, address("10.0.0.1")), &only_row());
    EXPECT_EQ(flows.bound_ports(kNetns, address("10.0.0.2")), nullptr);
    EXPECT_EQ(flows.bound_ports(kNetns + 1, address("10.0.0.1")), nullptr);
    const report::Report report = report_of(flows, 20s, 10s);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(
        cell(section<report::Table>(report, "ports"), 0, "remote")));
}

/// SO_REUSEADDR: one port, connected to several endpoints.
TEST_F(FlowsPortTest, a_bound_port_that_is_shared_is_one) {
    std::vector<track::ConnectionIdentity*> all;
    for (const char* remote : {"10.0.0.2", "10.0.0.3", "10.0.0.4"}) {
        all.push_back(&people.client(7000, remote));
        all.back()->is_bound = true;
        tell.born(*all.back(), 1s, SYN_SENT);
    }
    EXPECT_EQ(only_row().held.now(), 1u);
    for (auto* who : all) {
        EXPECT_EQ(only_row().held.now(), 1u);
        tell.moves(*who, 2s, SYN_SENT, CLOSE);
        tell.ends(*who, tcp::ClosedFirst::none, tcp::Ending::refused);
    }
    EXPECT_EQ(only_row().held.now(), 0u);
    EXPECT_EQ(only_row().held.peak(), 1u);
}

TEST_F(FlowsPortTest, what_was_there_before_is_held_but_not_opened) {
    tell.found(people.client(1), 1s, ESTABLISHED);
    EXPECT_EQ(only_row().held.now(), 1u);
    EXPECT_EQ(only_row().opened, 0u);
}

TEST_F(FlowsPortTest, next_interval_counts_from_what_is_held) {
    tell.born(people.client(1), 1s, SYN_SENT);
    tell.whole_client(people.client(2), 1s);
    flows.next_interval(at(10s));
    EXPECT_EQ(only_row().held.now(), 1u);
    EXPECT_EQ(only_row().held.peak(), 1u);
    EXPECT_EQ(only_row().held_at_begin, 1u);
    EXPECT_EQ(only_row().opened, 0u);
}

TEST_F(FlowsPortTest, table_has_the_fullest_first_and_the_limit_of_its_namespace) {
    for (tcp::Port port = 1; port <= 2; ++port)
        tell.born(people.client(port, "10.0.0.2"), 1s, SYN_SENT);
    for (tcp::Port port = 1; port <= 5; ++port)
        tell.whole_client(people.client(port, "10.0.0.3"), 2s);
    for (tcp::Port port = 1; port <= 3; ++port)
        tell.born(people.client(port, "10.0.0.4"), 1s, SYN_SENT);
    ContextAt moment(20s, 10s);
    moment.host.on_fact(event::Fact{kNetns, "net.ipv4.ip_local_port_range", "40000 40099"});
    report::Report report;
    flows.add_to(report, moment.value);
    const auto& table = section<report::Table>(report, "ports");
    ASSERT_EQ(table.rows.size(), 3u);
    EXPECT_EQ(std::get<report::EndpointValue>(cell(table, 0, "remote")).endpoint.address,
              address("10.0.0.4"));
    EXPECT_EQ(std::get<report::EndpointValue>(cell(table, 1, "remote")).endpoint.address,
              address("10.0.0.2"));
    EXPECT_EQ(number(cell(table, 0, "held")), 3);
    EXPECT_EQ(number(cell(table, 0, "peak")), 3);
    EXPECT_EQ(number(cell(table, 0, "limit")), 100);
    EXPECT_EQ(number(cell(table, 0, "opened")), 3);
    EXPECT_NEAR(std::get<double>(cell(table, 0, "per_second")), 0.3, 1e-9);
    EXPECT_EQ(number(cell(table, 2, "opened")), 5);
    const report::Report unknown = report_of(flows, 20s, 10s);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(
        cell(section<report::Table>(unknown, "ports"), 0, "limit")));
}

TEST_F(FlowsPortTest, remote_servers_show_who_closes_first) {
    tell.whole_client(people.client(1, "10.0.0.2", 80), 1s);
    tell.whole_client(people.client(2, "10.0.0.2", 80), 1s);
    auto& closed =
        people.add(tcp::Role::client, tuple("10.0.0.9", 1, "10.0.0.3", 80), process(200, "curl"));
    tell.born(closed, 1s, ESTABLISHED);
    tell.moves(closed, 2s, ESTABLISHED, CLOSE);
    tell.ends(closed, tcp::ClosedFirst::remote, tcp::Ending::fin);
    const report::Report report = report_of(flows, 5s);
    const auto& table = section<report::Table>(report, "remotes");
    ASSERT_EQ(table.rows.size(), 2u);
    EXPECT_EQ(std::get<report::EndpointValue>(cell(table, 0, "remote")).endpoint,
              (tcp::Endpoint{address("10.0.0.3"), 80}));
    EXPECT_EQ(part(cell(table, 0, "closed_first"), "remote"), 1);
    EXPECT_EQ(std::get<report::ProcessValue>(cell(table, 0, "process")).comm, "curl");
    EXPECT_EQ(number(cell(table, 1, "connections")), 2);
    EXPECT_EQ(part(cell(table, 1, "endings"), "reset_sent"), 2);
    tell.whole_client(
        people.add(tcp::Role::client, tuple("10.0.0.9", 2, "10.0.0.3", 80), process(300, "wget")),
        3s);
    const report::Report mixed = report_of(flows, 5s);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(
        cell(section<report::Table>(mixed, "remotes"), 0, "process")));
}

TEST_F(FlowsPortTest, time_waits_by_namespace) {
    auto& here = people.client(1);
    auto& there = people.client(2);
    there.netns = kNetns + 1;
    for (auto* who : {&here, &there}) tell.born(*who, 1s, TIME_WAIT);
    tell.moves(here, 61s, TIME_WAIT, CLOSE);
    EXPECT_EQ(flows.time_waits().at(kNetns).now(), 0u);
    EXPECT_EQ(flows.time_waits().at(kNetns).peak(), 1u);
    EXPECT_EQ(flows.time_waits().at(kNetns + 1).now(), 1u);
}

TEST_F(FlowsPortTest, what_was_listed_before_the_beginning_is_held_from_the_beginning) {
    analysis::Flows later(at(10s));
    LineFeeder feeder{later};
    auto& who = people.client(1);
    feeder.born(who, 9s, TIME_WAIT);
    EXPECT_NEAR(later.services().at(0).time_wait.held_seconds(at(12s)), 2, 1e-6);
    EXPECT_NEAR(later.time_waits().at(kNetns).held_seconds(at(12s)), 2, 1e-6);
    EXPECT_NEAR(later.ports().at(0).held.held_seconds(at(12s)), 2, 1e-6);
    feeder.moves(who, 15s, TIME_WAIT, CLOSE);
    EXPECT_NEAR(later.services().at(0).time_wait.held_seconds(at(20s)), 5, 1e-6);
}

TEST_F(FlowsPortTest, a_connection_that_the_filter_lets_pass_no_more_is_let_go_of) {
    auto& who = people.client(1);
    tell.born(who, 1s, ESTABLISHED);
    EXPECT_TRUE(flows.counts(who));
    flows.on_move({at(2s), &who, ESTABLISHED, std::nullopt}, 1);
    EXPECT_FALSE(flows.counts(who));
    EXPECT_EQ(only_row().held.now(), 0u);
}

TEST_F(FlowsPortTest, past_the_limit_what_is_new_is_summed_up_and_nothing_is_lost) {
    constexpr std::size_t beyond = 300;
    constexpr std::size_t all = analysis::Flows::kMaxGroups + beyond;
    for (std::size_t i = 0; i < all; ++i) {
        const std::string remote = "10." + std::to_string(i >> 16) + "." +
                                   std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
        auto& who = people.add(tcp::Role::client, tuple("192.0.2.1", 40'000, remote, 80));
        tell.born(who, 1s, SYN_SENT);
        tell.moves(who, 1s, SYN_SENT, TIME_WAIT);
        if (i % 2 != 0) continue;
        tell.moves(who, 2s, TIME_WAIT, CLOSE);
        tell.ends(who, tcp::ClosedFirst::local, tcp::Ending::fin, tcp::EndingDetail::none,
                  tcp::TimeWaitEnd::expired);
    }
    EXPECT_EQ(flows.remotes().size(), analysis::Flows::kMaxGroups + 1);
    EXPECT_EQ(flows.ports().size(), analysis::Flows::kMaxGroups);
    // Summed up: which they were isn't known, so they have one name.
    EXPECT_EQ(flows.remote_label(analysis::Flows::kNone), "(passive opens)");
    EXPECT_EQ(flows.remote_label(0), "10.0.0.0:80");
    std::vector<std::string> summed_up;
    for (std::uint32_t i = 0; i < flows.remotes().size(); ++i)
        if (flows.remotes()[i].remote.empty()) summed_up.push_back(flows.remote_label(i));
    EXPECT_EQ(summed_up, std::vector<std::string>{"(others)"});
    std::uint64_t connections = 0;
    std::uint64_t waiting = 0;
    for (const analysis::RemoteRow& row : flows.remotes()) {
        connections += row.total().connections;
        waiting += row.time_wait.now();
        if (!row.remote.empty()) continue;
        EXPECT_EQ(row.total().connections, beyond / 2);
        EXPECT_EQ(row.time_wait.now(), beyond / 2);
    }
    EXPECT_EQ(connections, all / 2);
    EXPECT_EQ(waiting, all / 2);
    ASSERT_EQ(flows.services().size(), 1u);
    EXPECT_EQ(flows.services()[0].total().connections, all / 2);
    EXPECT_EQ(flows.services()[0].time_wait.now(), all / 2);
}

} // namespace
} // namespace tcpdwell::test

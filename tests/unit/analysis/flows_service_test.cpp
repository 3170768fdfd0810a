// SPDX-License-Identifier: Apache-2.0
// Which connections are one service, and what is counted of it.
#include <gtest/gtest.h>

#include "analysis/flows.h"
#include "lines.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

struct FlowsServiceTest : testing::Test {
    analysis::Flows flows{at(0s)};
    LineFeeder tell{flows};
    ProcessNames people;

    track::ConnectionIdentity& accepted(std::string_view local, tcp::Port port,
                                        std::optional<event::Process> who = process(100, "app"),
                                        tcp::Family family = tcp::Family::ipv4) {
        tcp::FourTuple ends =
            tuple(local, port, address(local).is_v4() ? "10.9.9.9" : "fd00::9", next_port_++);
        if (family == tcp::Family::ipv6) ends.family = family;
        return people.add(tcp::Role::server, ends, who);
    }
    /// From its birth to its line: closed by the peer.
    void serves(const track::ConnectionIdentity& who) {
        tell.born(who, 1s, SYN_RECV);
        tell.moves(who, 1s, SYN_RECV, ESTABLISHED);
        tell.moves(who, 2s, ESTABLISHED, CLOSE_WAIT);
        tell.moves(who, 2s, CLOSE_WAIT, CLOSE);
        tell.ends(who, tcp::ClosedFirst::remote, tcp::Ending::fin);
    }
    /// "ENDPOINT COMM xCONNECTIONS", in the order of the report.
    std::vector<std::string> services() const {
        std::vector<std::string> list;
        for (const analysis::ServiceRow& row : flows.services()) {
            const std::string comm(row.key.comm.data());
            const std::string place = row.key.role == tcp::Role::server
                                          ? row.key.local.address.text(row.key.family) + ":" +
                                                std::to_string(row.key.local.port)
                                          : std::string(name(row.key.role));
            list.push_back(place + " " + (comm.empty() ? "?" : comm) + " x" +
                           std::to_string(row.total().connections));
        }
        return list;
    }

private:
    tcp::Port next_port_ = 20'000;
};

using List = std::vector<std::string>;

TEST_F(FlowsServiceTest, connections_to_one_listener_are_one_service) {
    tell.born(people.listener("10.0.0.1", 80, tcp::Family::ipv4), 0s, LISTEN);
    for (int i = 0; i < 3; ++i) serves(accepted("10.0.0.1", 80));
    EXPECT_EQ(services(), List{"10.0.0.1:80 app x3"});
}

TEST_F(FlowsServiceTest, addresses_behind_a_wildcard_are_one_service) {
    tell.born(people.listener("0.0.0.0", 80, tcp::Family::ipv4), 0s, LISTEN);
    serves(accepted("10.0.0.1", 80));
    serves(accepted("10.0.0.2", 80));
    serves(accepted("127.0.0.1", 80));
    EXPECT_EQ(services(), List{"0.0.0.0:80 app x3"});
}

TEST_F(FlowsServiceTest, the_wildcard_may_be_known_only_later) {
    serves(accepted("10.0.0.1", 80));
    serves(accepted("10.0.0.2", 80));
    EXPECT_EQ(services().size(), 2u);
    tell.found(people.listener("0.0.0.0", 80, tcp::Family::ipv4), 5s, LISTEN);
    serves(accepted("10.0.0.3", 80));
    EXPECT_EQ(services(), List{"0.0.0.0:80 app x3"});
}

TEST_F(FlowsServiceTest, a_listener_that_has_closed_still_names_its_service) {
    const auto& listener = people.listener("0.0.0.0", 80, tcp::Family::ipv4);
    tell.born(listener, 0s, LISTEN);
    serves(accepted("10.0.0.1", 80));
    tell.moves(listener, 3s, LISTEN, CLOSE);
    serves(accepted("10.0.0.2", 80));
    EXPECT_EQ(services(), List{"0.0.0.0:80 app x2"});
}

TEST_F(FlowsServiceTest, an_exact_listener_wins_over_a_wildcard) {
    tell.born(people.listener("0.0.0.0", 80, tcp::Family::ipv4), 0s, LISTEN);
    tell.born(people.listener("10.0.0.1", 80, tcp::Family::ipv4), 0s, LISTEN);
    serves(accepted("10.0.0.1", 80));
    serves(accepted("10.0.0.1", 80));
    serves(accepted("10.0.0.2", 80));
    EXPECT_EQ(services(), (List{"10.0.0.1:80 app x2", "0.0.0.0:80 app x1"}));
}

TEST_F(FlowsServiceTest, ipv4_and_ipv6_on_one_dual_stack_listener) {
    tell.born(people.listener("::", 80, tcp::Family::ipv6), 0s, LISTEN);
    serves(accepted("10.0.0.1", 80, process(100, "app"), tcp::Family::ipv6)); // ::ffff:10.0.0.1
    serves(accepted("fd00::1", 80));
    EXPECT_EQ(services(), List{":::80 app x2"});
}

TEST_F(FlowsServiceTest, a_listener_is_one_of_its_namespace_and_port) {
    auto& elsewhere = people.listener("0.0.0.0", 80, tcp::Family::ipv4);
    elsewhere.netns = kNetns + 1;
    tell.born(elsewhere, 0s, LISTEN);
    tell.born(people.listener("0.0.0.0", 81, tcp::Family::ipv4), 0s, LISTEN);
    serves(accepted("10.0.0.1", 80));
    EXPECT_EQ(services(), List{"10.0.0.1:80 app x1"});
}

TEST_F(FlowsServiceTest, programs_cgroups_and_namespaces_are_distinguished) {
    tell.born(people.listener("0.0.0.0", 80, tcp::Family::ipv4), 0s, LISTEN);
    serves(accepted("10.0.0.1", 80, process(1, "old")));
    for (const std::uint64_t cgroup : {76u, 77u}) {
        auto& contained = accepted("10.0.0.1", 80, process(3, "new"));
        contained.cgroup = cgroup;
        serves(contained);
    }
    auto& elsewhere = accepted("10.0.0.1", 80, process(4, "new"));
    elsewhere.netns = kNetns + 1;
    serves(elsewhere);
    EXPECT_EQ(flows.services().size(), 4u);
}

TEST_F(FlowsServiceTest, one_pid_is_reported_and_several_are_not) {
    serves(accepted("10.0.0.1", 80, process(1, "nginx")));
    serves(accepted("10.0.0.1", 80, process(1, "nginx")));
    ASSERT_EQ(flows.services().size(), 1u);
    EXPECT_EQ(flows.services()[0].pid, 1u);
    EXPECT_FALSE(flows.services()[0].several_pids);
    serves(accepted("10.0.0.1", 80, process(2, "nginx")));
    ASSERT_EQ(flows.services().size(), 1u);
    EXPECT_TRUE(flows.services()[0].several_pids);
    const report::Report report = report_of(flows, 3s);
    EXPECT_EQ(std::get<report::ProcessValue>(
                  cell(section<report::Table>(report, "services"), 0, "process"))
                  .pid,
              0u);
}

/// TIME_WAITs that were there before, for instance: nobody holds them any more.
TEST_F(FlowsServiceTest, what_nobody_is_known_of_belongs_to_the_only_program_at_its_endpoint) {
    serves(accepted("10.0.0.1", 80, std::nullopt));
    auto& known = accepted("10.0.0.1", 80);
    known.cgroup = 42;
    serves(known);
    EXPECT_EQ(services(), List{"10.0.0.1:80 app x2"});
    EXPECT_EQ(flows.services()[0].key.cgroup, 42u);
    serves(accepted("10.0.0.1", 80, process(9, "other")));
    EXPECT_EQ(flows.services().size(), 3u); // whose it was can't be known now
}

TEST_F(FlowsServiceTest, a_process_that_is_learnt_late_is_who_it_belongs_to) {
    auto& who = accepted("10.0.0.1", 80, std::nullopt);
    tell.born(who, 1s, SYN_RECV);
    tell.moves(who, 1s, SYN_RECV, ESTABLISHED);
    who.process = process(200, "worker");
    tell.moves(who, 2s, ESTABLISHED, FIN_WAIT1);
    tell.moves(who, 2s, FIN_WAIT1, TIME_WAIT);
    ASSERT_EQ(flows.services().size(), 1u);
    EXPECT_EQ(flows.services()[0].time_wait.now(), 1u);
    tell.moves(who, 62s, TIME_WAIT, CLOSE);
    tell.ends(who, tcp::ClosedFirst::local, tcp::Ending::fin, tcp::EndingDetail::none,
              tcp::TimeWaitEnd::expired);
    EXPECT_EQ(services(), List{"10.0.0.1:80 worker x1"});
    EXPECT_EQ(flows.services()[0].time_wait.now(), 0u);
    EXPECT_EQ(flows.services()[0].time_wait.peak(), 1u);
    EXPECT_NEAR(flows.services()[0].time_wait.held_seconds(at(100s)), 60, 1e-6);
}

/// Whoever closes shows with the state that close() leads to, and TIME_WAIT may follow from any of
/// them.
TEST_F(FlowsServiceTest, a_process_that_is_known_by_time_wait_is_whose_it_is) {
    for (const tcp::State last : {FIN_WAIT1, FIN_WAIT2, CLOSING}) {
        const tcp::Port port = static_cast<tcp::Port>(80 + static_cast<int>(last));
        serves(accepted("10.0.0.1", port, process(100, "one")));
        serves(accepted("10.0.0.1", port, process(200, "two")));
        auto& who = accepted("10.0.0.1", port, std::nullopt);
        tell.born(who, 1s, SYN_RECV);
        tell.moves(who, 1s, SYN_RECV, ESTABLISHED);
        tell.moves(who, 2s, ESTABLISHED, last);
        who.process = process(200, "two");
        tell.moves(who, 3s, last, TIME_WAIT);
        std::uint64_t of_two = 0;
        for (const analysis::ServiceRow& row : flows.services())
            if (row.key.local.port == port && row.key.comm == who.process->comm_bytes)
                of_two += row.time_wait.now();
        EXPECT_EQ(of_two, 1u) << name(last);
    }
}

TEST_F(FlowsServiceTest, a_client_is_its_program_wherever_it_connects) {
    for (tcp::Port port = 1; port <= 3; ++port)
        tell.whole_client(people.client(port, "10.0.0.2", port), 1s);
    tell.whole_client(
        people.add(tcp::Role::client, tuple("fd00::1", 4, "fd00::2", 80), process(200, "curl")),
        1s);
    EXPECT_EQ(services(), (List{"client app x3", "client curl x1"}));
    const report::Report report = report_of(flows, 5s);
    const auto& table = section<report::Table>(report, "services");
    const auto local = std::get<report::EndpointValue>(cell(table, 0, "local"));
    EXPECT_TRUE(local.endpoint.empty());
    EXPECT_TRUE(local.always_object);
}

TEST_F(FlowsServiceTest, who_closes_first_most_is_on_top) {
    for (int i = 0; i < 5; ++i) serves(accepted("10.0.0.1", 81));
    for (int i = 0; i < 2; ++i) {
        auto& who = accepted("10.0.0.1", 82);
        tell.born(who, 1s, ESTABLISHED);
        tell.moves(who, 2s, ESTABLISHED, CLOSE);
        tell.ends(who, tcp::ClosedFirst::local, tcp::Ending::reset_sent);
    }
    tell.whole_client(people.client(1), 1s);
    EXPECT_EQ(services(), (List{"10.0.0.1:82 app x2", "client app x1", "10.0.0.1:81 app x5"}));
}

TEST_F(FlowsServiceTest, what_is_there_now_counts_as_if_it_ended_now) {
    serves(accepted("10.0.0.1", 80));
    auto& open = accepted("10.0.0.1", 80);
    tell.born(open, 1s, ESTABLISHED);
    auto& waiting = accepted("10.0.0.1", 80);
    tell.born(waiting, 1s, TIME_WAIT);
    auto& opening = accepted("10.0.0.1", 80);
    tell.born(opening, 1s, SYN_RECV);
    for (int report = 0; report < 2; ++report) { // as often as somebody asks
        flows.begin_live(at(5s));
        flows.on_live(live(open, ESTABLISHED, at(1s)), 1);
        flows.on_live(live(waiting, TIME_WAIT, at(1s), at(1s), tcp::ClosedFirst::local), 1);
        flows.on_live(live(opening, SYN_RECV, at(1s)), 1);
    }
    ASSERT_EQ(flows.services().size(), 1u);
    const analysis::ServiceRow row = flows.services()[0];
    EXPECT_EQ(row.total().connections, 4u);
    EXPECT_EQ(row.total().ended(tcp::Ending::open), 2u);
    EXPECT_EQ(row.total().ended(tcp::Ending::fin), 2u);
    EXPECT_EQ(row.total().closed(tcp::ClosedFirst::local), 1u);
    EXPECT_EQ(row.total().time_waits, 1u);
    EXPECT_EQ(row.time_wait.now(), 1u);
    EXPECT_EQ(row.in_syn_recv, 1u);
    flows.begin_live(at(6s));
    EXPECT_EQ(flows.services()[0].total().connections, 1u);
}

TEST_F(FlowsServiceTest, syn_cookies_of_open_connections_count_too) {
    auto& open = accepted("10.0.0.1", 80);
    tell.born(open, 1s, ESTABLISHED);
    const track::PathStep left[] = {{SYN_RECV, std::nullopt}};
    track::LiveSocket socket = live(open, ESTABLISHED, at(1s));
    socket.left = left;
    flows.begin_live(at(5s));
    flows.on_live(socket, 1);
    EXPECT_EQ(flows.services().at(0).total().cookies, 1u);
}

TEST_F(FlowsServiceTest, next_interval_forgets_what_has_ended_and_keeps_what_is_there) {
    auto& waiting = accepted("10.0.0.1", 80);
    tell.born(waiting, 1s, TIME_WAIT);
    serves(accepted("10.0.0.1", 80));
    flows.next_interval(at(10s));
    analysis::ServiceRow row = flows.services().at(0);
    EXPECT_EQ(row.total().connections, 0u);
    EXPECT_EQ(row.time_wait.now(), 1u);
    EXPECT_EQ(row.time_wait.peak(), 1u);
    EXPECT_NEAR(row.time_wait.held_seconds(at(12s)), 2, 1e-6);
    EXPECT_EQ(row.closed_first.count, 0u);
    tell.moves(waiting, 15s, TIME_WAIT, CLOSE);
    tell.ends(waiting, tcp::ClosedFirst::local, tcp::Ending::fin, tcp::EndingDetail::none,
              tcp::TimeWaitEnd::expired);
    row = flows.services().at(0);
    EXPECT_EQ(row.total().connections, 1u);
    EXPECT_EQ(row.time_wait.now(), 0u);
    EXPECT_NEAR(row.time_wait.held_seconds(at(20s)), 5, 1e-6);
}

TEST_F(FlowsServiceTest, a_service_of_which_there_is_nothing_to_show_has_no_row) {
    serves(accepted("10.0.0.1", 80));
    flows.next_interval(at(10s));
    EXPECT_TRUE(section<report::Table>(report_of(flows, 12s, 10s), "services").rows.empty());
}

TEST_F(FlowsServiceTest, a_few_ids_stand_for_all) {
    for (int i = 0; i < 10; ++i) {
        auto& who = accepted("10.0.0.1", 80);
        tell.born(who, 1s, ESTABLISHED);
        tell.moves(who, 2s, ESTABLISHED, CLOSE);
        tell.ends(who, i % 2 == 0 ? tcp::ClosedFirst::local : tcp::ClosedFirst::remote,
                  tcp::Ending::reset_sent);
    }
    const analysis::ServiceRow row = flows.services().at(0);
    EXPECT_EQ(row.closed_first.count, 3u);
    EXPECT_EQ(row.failed.count, 0u);
    EXPECT_EQ(row.total().closed(tcp::ClosedFirst::local), 5u);
}

TEST_F(FlowsServiceTest, a_connection_that_is_not_counted_has_no_service) {
    const auto& who = accepted("10.0.0.1", 80);
    EXPECT_EQ(flows.service_of(who), analysis::Flows::kNone);
    EXPECT_EQ(flows.service_label(flows.service_of(who)), "unknown");
    tell.born(who, 1s, ESTABLISHED);
    EXPECT_EQ(flows.service_label(flows.service_of(who)), "10.0.0.1:80 app");
    const auto& client = people.client(1);
    tell.born(client, 1s, SYN_SENT);
    EXPECT_EQ(flows.service_label(flows.service_of(client)), "app (client)");
    auto& nobody = people.client(2);
    nobody.process.reset();
    tell.born(nobody, 1s, SYN_SENT);
    EXPECT_EQ(flows.service_label(flows.service_of(nobody)), "? (client)");
}

} // namespace
} // namespace tcpdwell::test

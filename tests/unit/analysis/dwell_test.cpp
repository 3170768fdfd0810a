// SPDX-License-Identifier: Apache-2.0
// How long states last: by edge, by state, by step, and split.
#include "analysis/dwell.h"

#include <gtest/gtest.h>

#include "lines.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

/// Flows and dwell, reported the same moves, as in a report.
struct DwellTest : testing::Test {
    analysis::Flows flows{at(0s)};
    ProcessNames people;

    void move(analysis::Dwell& dwell, const track::ConnectionIdentity& who, Nanoseconds when,
              tcp::State from, tcp::State to, std::optional<Nanoseconds> stay) {
        const bool is_born = from == CLOSE || from == LISTEN;
        flows.on_move({at(when), &who, is_born ? std::nullopt : std::optional(from),
                       to == CLOSE ? std::nullopt : std::optional(to), is_born},
                      1);
        dwell.on_transition({at(when), &who, from, to, stay}, 1);
    }

    /// A client that connects in 1 ms, is established for a second, and closes first.
    void one_client(analysis::Dwell& dwell, const track::ConnectionIdentity& who) {
        move(dwell, who, 0s, CLOSE, SYN_SENT, std::nullopt);
        move(dwell, who, 1ms, SYN_SENT, ESTABLISHED, 1ms);
        move(dwell, who, 1s, ESTABLISHED, FIN_WAIT1, 1s);
    }

    static std::vector<std::pair<std::string, std::vector<std::string>>>
    groups(const report::Distributions& all) {
        std::vector<std::pair<std::string, std::vector<std::string>>> list;
        for (const report::DistributionGroup& group : all.groups) {
            auto& entry = list.emplace_back(std::string(group.label), std::vector<std::string>());
            for (const report::Distribution& d : group.members)
                entry.second.push_back(std::string(d.id));
        }
        return list;
    }
};

using Groups = std::vector<std::pair<std::string, std::vector<std::string>>>;

TEST_F(DwellTest, all_states_in_the_order_of_a_life) {
    analysis::Dwell dwell(analysis::SplitBy::none, flows);
    const report::Report report = report_of(dwell, 1s);
    const auto& all = section<report::Distributions>(report, "states");
    EXPECT_EQ(groups(all),
              (Groups{{"",
                       {"LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2",
                        "CLOSING", "TIME_WAIT", "CLOSE_WAIT", "LAST_ACK", "CLOSE"}}}));
    for (const report::Distribution& d : all.groups[0].members) {
        EXPECT_EQ(d.count, 0u);
        EXPECT_EQ(d.open, 0u);
        EXPECT_FALSE(d.oldest);
        EXPECT_EQ(d.nominal.has_value(), d.id == "TIME_WAIT");
    }
    EXPECT_EQ(distribution(report, "states", "TIME_WAIT").nominal, 60s);
    EXPECT_TRUE(section<report::Distributions>(report, "states_by").groups.empty());
    EXPECT_TRUE(section<report::StateDiagram>(report, "transitions").edges.empty());
}

TEST_F(DwellTest, a_state_is_the_sum_of_the_edges_that_leave_it) {
    analysis::Dwell dwell(analysis::SplitBy::none, flows);
    move(dwell, people.client(1), 1s, ESTABLISHED, FIN_WAIT1, 1s);
    move(dwell, people.client(2), 1s, ESTABLISHED, CLOSE_WAIT, 3s);
    move(dwell, people.client(3), 1s, ESTABLISHED, CLOSE_WAIT, 5s);
    move(dwell, people.client(4), 1s, ESTABLISHED, CLOSE, std::nullopt);
    const report::Report report = report_of(dwell, 1s);
    const report::Distribution& established = distribution(report, "states", "ESTABLISHED");
    EXPECT_EQ(established.count, 3u);
    EXPECT_EQ(established.min, 1s);
    EXPECT_EQ(established.mean, 3s);
    EXPECT_EQ(established.max, 5s);
    EXPECT_EQ(dwell.transitions(), 4u);
}

TEST_F(DwellTest, edges_are_counted_even_where_the_dwell_is_not_known) {
    analysis::Dwell dwell(analysis::SplitBy::none, flows);
    move(dwell, people.client(1), 1s, CLOSE, SYN_SENT, std::nullopt);
    move(dwell, people.client(2), 1s, ESTABLISHED, CLOSE_WAIT, 7s);
    move(dwell, people.client(3), 1s, ESTABLISHED, CLOSE_WAIT, std::nullopt);
    move(dwell, people.client(4), 1s, TIME_WAIT, ESTABLISHED, 1s); // which no rule explains
    move(dwell, people.client(5), 1s, FIN_WAIT2, FIN_WAIT2, 2s);
    const report::Report report = report_of(dwell, 1s);
    const auto& edges = section<report::StateDiagram>(report, "transitions").edges;
    ASSERT_EQ(edges.size(), 4u);
    const auto is = [](const report::Edge& e, tcp::State from, tcp::State to, std::uint64_t count,
                       std::optional<Nanoseconds> median, tcp::EdgeKind kind) {
        EXPECT_EQ(e.from, from);
        EXPECT_EQ(e.to, to);
        EXPECT_EQ(e.count, count);
        EXPECT_EQ(e.median, median);
        EXPECT_EQ(e.kind, kind);
    };
    is(edges[0], CLOSE, SYN_SENT, 1, std::nullopt, tcp::EdgeKind::rfc9293);
    is(edges[1], ESTABLISHED, CLOSE_WAIT, 2, 7s, tcp::EdgeKind::rfc9293);
    is(edges[2], FIN_WAIT2, FIN_WAIT2, 1, 2s, tcp::EdgeKind::linux_specific);
    is(edges[3], TIME_WAIT, ESTABLISHED, 1, 1s, tcp::EdgeKind::unexpected);
    EXPECT_EQ(dwell.unexpected(), 1u);
}

TEST_F(DwellTest, latencies_are_of_steps_in_the_right_direction) {
    analysis::Dwell dwell(analysis::SplitBy::none, flows);
    struct Step {
        tcp::State from;
        tcp::State to;
        const char* latency; // nullptr: none of them
    };
    const Step steps[] = {
        {SYN_SENT, ESTABLISHED, "connect"},   {SYN_SENT, SYN_RECV, "connect"},
        {SYN_SENT, CLOSE, nullptr},           {SYN_RECV, ESTABLISHED, "handshake"},
        {SYN_RECV, FIN_WAIT1, "handshake"},   {SYN_RECV, CLOSE, nullptr},
        {ESTABLISHED, FIN_WAIT1, nullptr},    {FIN_WAIT1, FIN_WAIT2, "fin_acked"},
        {FIN_WAIT1, CLOSING, "fin_acked"},    {FIN_WAIT1, CLOSE, nullptr},
        {CLOSE_WAIT, LAST_ACK, "close_wait"}, {LAST_ACK, CLOSE, "last_ack"},
        {TIME_WAIT, CLOSE, nullptr},
    };
    std::map<std::string, std::uint64_t> wanted;
    tcp::Port port = 1;
    for (const Step& step : steps) {
        move(dwell, people.client(port++), 1s, step.from, step.to, 5ms);
        if (step.latency) ++wanted[step.latency];
    }
    const report::Report report = report_of(dwell, 1s);
    std::map<std::string, std::uint64_t> got;
    for (const report::Distribution& d :
         section<report::Distributions>(report, "latencies").groups.at(0).members) {
        got[std::string(d.id)] = d.count;
        EXPECT_FALSE(d.title.empty());
        EXPECT_FALSE(d.open);
    }
    EXPECT_EQ(got, wanted);
}

TEST_F(DwellTest, what_is_there_now_is_counted_apart) {
    analysis::Dwell dwell(analysis::SplitBy::none, flows);
    dwell.begin_live(at(100s));
    dwell.on_live(live(people.client(1), CLOSE_WAIT, at(40s)), 1);
    dwell.on_live(live(people.client(2), CLOSE_WAIT, at(90s)), 1);
    dwell.on_live(live(people.client(3), ESTABLISHED, std::nullopt, at(70s)), 1);
    dwell.on_live(live(people.client(4), SYN_SENT, at(101s)), 1); // reported before its time
    const report::Report report = report_of(dwell, 100s);
    const auto open = [&](const char* state) { return distribution(report, "states", state).open; };
    const auto oldest = [&](const char* state) {
        return distribution(report, "states", state).oldest;
    };
    EXPECT_EQ(open("CLOSE_WAIT"), 2u);
    EXPECT_EQ(oldest("CLOSE_WAIT"), 60s);
    EXPECT_EQ(oldest("ESTABLISHED"), 30s); // at least
    EXPECT_EQ(oldest("SYN_SENT"), 0s);
    EXPECT_EQ(distribution(report, "states", "CLOSE_WAIT").count, 0u);

    dwell.begin_live(at(200s));
    EXPECT_EQ(distribution(report_of(dwell, 200s), "states", "CLOSE_WAIT").open, 0u);
}

TEST_F(DwellTest, next_interval_begins_with_nothing) {
    analysis::Dwell dwell(analysis::SplitBy::role, flows);
    one_client(dwell, people.client(1));
    dwell.next_interval(at(2s));
    const report::Report report = report_of(dwell, 3s, 2s);
    EXPECT_EQ(distribution(report, "states", "ESTABLISHED").count, 0u);
    EXPECT_TRUE(section<report::StateDiagram>(report, "transitions").edges.empty());
    EXPECT_TRUE(section<report::Distributions>(report, "states_by").groups.empty());
    EXPECT_EQ(section<report::Distributions>(report, "states_by").split_by, "role");
    EXPECT_EQ(dwell.transitions(), 0u);
}

TEST_F(DwellTest, split_by_role) {
    analysis::Dwell dwell(analysis::SplitBy::role, flows);
    one_client(dwell, people.client(1));
    one_client(dwell, people.client(2));
    move(dwell, people.server(80), 1s, ESTABLISHED, CLOSE_WAIT, 3s);
    const report::Report report = report_of(dwell, 1s);
    const auto& by = section<report::Distributions>(report, "states_by");
    EXPECT_EQ(groups(by),
              (Groups{{"client", {"SYN_SENT", "ESTABLISHED"}}, {"server", {"ESTABLISHED"}}}));
    EXPECT_EQ(by.groups[0].members[1].count, 2u);
    EXPECT_EQ(by.groups[1].members[0].max, 3s);
}

TEST_F(DwellTest, split_by_service_with_the_busiest_first) {
    analysis::Dwell dwell(analysis::SplitBy::service, flows);
    flows.on_move(
        {at(0s), &people.listener("0.0.0.0", 80, tcp::Family::ipv4), std::nullopt, LISTEN, true},
        1);
    move(dwell, people.server(80, 1), 1s, ESTABLISHED, CLOSE_WAIT, 3s);
    move(dwell, people.add(tcp::Role::server, tuple("10.0.0.9", 80, "10.0.0.2", 2)), 1s,
         ESTABLISHED, CLOSE_WAIT, 3s);
    move(dwell,
         people.add(tcp::Role::server, tuple("fd00::1", 443, "fd00::2", 2), process(7, "nginx")),
         1s, ESTABLISHED, CLOSE_WAIT, 3s);
    one_client(dwell, people.client(1));
    one_client(dwell, people.client(2));
    one_client(dwell,
               people.add(tcp::Role::client, tuple("10.0.0.1", 3, "10.0.0.2", 80), std::nullopt));
    const report::Report report = report_of(dwell, 1s);
    EXPECT_EQ(groups(section<report::Distributions>(report, "states_by")),
              (Groups{{"app (client)", {"SYN_SENT", "ESTABLISHED"}},
                      {"0.0.0.0:80 app", {"ESTABLISHED"}},
                      {"? (client)", {"SYN_SENT", "ESTABLISHED"}},
                      {"[fd00::1]:443 nginx", {"ESTABLISHED"}}}));
}

/// Until accept() the listener's owner stands for it.
TEST_F(DwellTest, a_service_is_whoever_accepted) {
    analysis::Dwell dwell(analysis::SplitBy::service, flows);
    auto& who = people.server(80);
    move(dwell, who, 0s, LISTEN, SYN_RECV, std::nullopt);
    move(dwell, who, 1ms, SYN_RECV, ESTABLISHED, 1ms);
    who.process = process(200, "worker");
    move(dwell, who, 1s, ESTABLISHED, CLOSE_WAIT, 1s);
    move(dwell, who, 2s, CLOSE_WAIT, LAST_ACK, 1s);
    const report::Report report = report_of(dwell, 2s);
    EXPECT_EQ(groups(section<report::Distributions>(report, "states_by")),
              (Groups{{"10.0.0.1:80 worker", {"ESTABLISHED", "CLOSE_WAIT"}},
                      {"10.0.0.1:80 app", {"SYN_RECV"}}}));
}

TEST_F(DwellTest, split_by_container_or_else_by_cgroup) {
    analysis::Dwell dwell(analysis::SplitBy::container, flows);
    tcp::Port port = 0;
    for (const std::uint64_t cgroup : {1, 1, 2, 3, 0}) {
        auto& who = people.client(++port);
        who.cgroup = cgroup;
        one_client(dwell, who);
    }
    ContextAt moment(1s);
    moment.value.cgroups.path = [](std::uint64_t id) -> std::optional<std::string_view> {
        if (id == 1) return "/docker/x";
        if (id == 2) return "/a.slice";
        return std::nullopt;
    };
    moment.value.cgroups.container = [](std::uint64_t id) -> std::optional<std::string_view> {
        if (id == 1) return "web-1";
        return std::nullopt;
    };
    report::Report report;
    dwell.add_to(report, moment.value);
    const auto& by = section<report::Distributions>(report, "states_by");
    EXPECT_EQ(by.split_by, "container");
    EXPECT_EQ(groups(by), (Groups{{"(unknown)", {"SYN_SENT", "ESTABLISHED"}},
                                  {"web-1", {"SYN_SENT", "ESTABLISHED"}},
                                  {"/a.slice", {"SYN_SENT", "ESTABLISHED"}}}));
}

TEST_F(DwellTest, split_by_remote_server) {
    analysis::Dwell dwell(analysis::SplitBy::remote, flows);
    one_client(dwell, people.client(1, "10.0.0.7", 5432));
    one_client(dwell, people.client(2, "10.0.0.7", 5432));
    one_client(dwell, people.add(tcp::Role::client, tuple("fd00::1", 3, "fd00::2", 443)));
    move(dwell, people.server(80), 1s, ESTABLISHED, CLOSE_WAIT, 3s);
    const report::Report report = report_of(dwell, 1s);
    EXPECT_EQ(groups(section<report::Distributions>(report, "states_by")),
              (Groups{{"10.0.0.7:5432", {"SYN_SENT", "ESTABLISHED"}},
                      {"[fd00::2]:443", {"SYN_SENT", "ESTABLISHED"}},
                      {"(passive opens)", {"ESTABLISHED"}}}));
}

TEST_F(DwellTest, split_by_ending_takes_the_whole_path_once_the_ending_is_known) {
    analysis::Dwell dwell(analysis::SplitBy::ending, flows);
    auto& who = people.client(1);
    one_client(dwell, who);
    EXPECT_TRUE(section<report::Distributions>(report_of(dwell, 1s), "states_by").groups.empty());
    const track::PathStep path[] = {{SYN_SENT, 1ms}, {ESTABLISHED, 1s}, {FIN_WAIT1, std::nullopt}};
    track::ConnectionLine line{};
    line.who = &who;
    line.ending = tcp::Ending::reset_received;
    line.states = path;
    dwell.on_connection(line, 1);
    const report::Report report = report_of(dwell, 1s);
    EXPECT_EQ(groups(section<report::Distributions>(report, "states_by")),
              (Groups{{"reset_received", {"SYN_SENT", "ESTABLISHED"}}}));
}

TEST_F(DwellTest, split_by_ending_has_what_is_there_by_how_it_would_end_now) {
    analysis::Dwell dwell(analysis::SplitBy::ending, flows);
    const track::PathStep left[] = {
        {SYN_SENT, 1ms}, {ESTABLISHED, 1s}, {FIN_WAIT1, 1ms}, {FIN_WAIT2, std::nullopt}};
    track::LiveSocket socket = live(people.client(1), TIME_WAIT, at(5s));
    socket.left = left;
    for (int report = 0; report < 2; ++report) { // nothing is counted twice
        dwell.begin_live(at(10s));
        dwell.on_live(socket, 1);
    }
    const report::Report report = report_of(dwell, 10s);
    const auto& by = section<report::Distributions>(report, "states_by");
    EXPECT_EQ(groups(by), (Groups{{"fin", {"SYN_SENT", "ESTABLISHED", "FIN_WAIT1"}}}));
    EXPECT_EQ(by.groups[0].members[1].count, 1u);
    EXPECT_EQ(distribution(report, "states", "ESTABLISHED").count, 0u); // which counts transitions
}

TEST_F(DwellTest, listeners_are_in_no_part_but_their_role) {
    for (const analysis::SplitBy by :
         {analysis::SplitBy::service, analysis::SplitBy::remote, analysis::SplitBy::role}) {
        analysis::Dwell dwell(by, flows);
        move(dwell, people.listener("0.0.0.0", 80, tcp::Family::ipv4), 5s, LISTEN, CLOSE, 5s);
        const report::Report report = report_of(dwell, 5s);
        EXPECT_EQ(distribution(report, "states", "LISTEN").count, 1u);
        const Groups expected =
            by == analysis::SplitBy::role ? Groups{{"server", {"LISTEN"}}} : Groups{};
        EXPECT_EQ(groups(section<report::Distributions>(report, "states_by")), expected)
            << name(by);
    }
}

TEST_F(DwellTest, more_parts_than_there_is_room_for_are_one) {
    analysis::Dwell dwell(analysis::SplitBy::remote, flows);
    constexpr auto most = analysis::Dwell::kMaxParts;
    const auto remote = [](std::size_t i) {
        return "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    };
    for (std::size_t i = 0; i < most + 50; ++i)
        move(dwell, people.client(1, remote(i)), 1s, ESTABLISHED, CLOSE_WAIT, 1s);
    move(dwell, people.client(1, remote(0)), 1s, ESTABLISHED, CLOSE_WAIT,
         1s); // has a part of its own
    const report::Report report = report_of(dwell, 1s);
    const auto& by = section<report::Distributions>(report, "states_by");
    ASSERT_EQ(by.groups.size(), most + 1);
    EXPECT_EQ(by.groups[0].label, "(others)");
    EXPECT_EQ(by.groups[0].members.at(0).count, 50u);
    EXPECT_EQ(by.groups[1].label, "10.0.0.0:80");
    EXPECT_EQ(by.groups[1].members.at(0).count, 2u);
}

TEST(SplitBy, words) {
    for (const analysis::SplitBy by :
         {analysis::SplitBy::role, analysis::SplitBy::service, analysis::SplitBy::remote,
          analysis::SplitBy::ending, analysis::SplitBy::container})
        EXPECT_EQ(analysis::split_from_name(name(by)), by);
    for (const char* text : {"", "none", "roles", "ROLE", "port"})
        EXPECT_EQ(analysis::split_from_name(text), std::nullopt);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// How long connections wait for accept(), and at which listener.
#include "analysis/accept_queues.h"

#include <gtest/gtest.h>

#include "ended_line.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

struct AcceptQueuesTest : testing::Test {
    analysis::Flows flows{at(0s)};
    analysis::AcceptQueues queues{flows};
    ProcessNames people;

    void accepted(tcp::Port port, Nanoseconds delay, analysis::Weight weight = 1) {
        EndedLine line = served_end(ClosedFirst::local, Ending::fin);
        line.who.tuple.local.port = port;
        line.line.accept = track::Accept{delay, true, at(1001ms) + delay};
        queues.on_connection(line.get(), weight);
    }
    track::LiveSocket waiting(tcp::Port port, tcp::State state, std::optional<MonoTime> since,
                              MonoTime known_since = at(0s)) {
        track::LiveSocket socket = live(people.server(port), state, since, known_since);
        socket.accept = track::Accept{std::nullopt, false};
        return socket;
    }
    void listens(tcp::Port port, std::uint32_t queued, std::uint32_t backlog,
                 const track::Holders* holders = nullptr, std::uint32_t pid = 100) {
        event::SocketNumbers numbers;
        numbers.unread = queued;
        track::LiveSocket socket =
            live(people.listener("10.0.0.1", port, tcp::Family::ipv4, process(pid, "app")), LISTEN,
                 at(0s));
        socket.numbers = &numbers;
        socket.backlog = backlog;
        socket.holders = holders;
        queues.on_live(socket, 1);
    }
    const analysis::AcceptQueue& queue(tcp::Port port) const {
        return queues.queues().at({kNetns, {address("10.0.0.1"), port}});
    }
};

TEST_F(AcceptQueuesTest, delays_are_those_of_ended_and_of_open_connections) {
    accepted(80, 2ms, 3);
    queues.begin_live(at(10s));
    for (int i = 0; i < 2; ++i) {
        track::LiveSocket open = live(people.server(80), ESTABLISHED, at(1s));
        open.accept = track::Accept{Nanoseconds(8ms), true, at(1008ms)};
        queues.on_live(open, 1);
    }
    EXPECT_EQ(queue(80).delays.count(), 3u);
    EXPECT_EQ(queue(80).live_delays.count(), 2u);
    EXPECT_EQ(queue(80).waiting, 0u);
    const report::Report report = report_of(queues, 10s);
    const auto& table = section<report::Table>(report, "accept_queues");
    ASSERT_EQ(table.rows.size(), 1u);
    EXPECT_EQ(number(cell(table, 0, "accepts")), 5);
    EXPECT_NEAR(static_cast<double>(std::get<Nanoseconds>(cell(table, 0, "p50_ns")).count()), 2e6,
                5e4);
    EXPECT_NEAR(static_cast<double>(std::get<Nanoseconds>(cell(table, 0, "p99_ns")).count()), 8e6,
                1e5);
    EXPECT_EQ(std::get<Nanoseconds>(cell(table, 0, "max_ns")), Nanoseconds(8ms));
    EXPECT_EQ(number(cell(table, 0, "waiting")), 0);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(cell(table, 0, "oldest_ns")));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(cell(table, 0, "queued")));
    const auto& members =
        section<report::Distributions>(report, "accept_delays").groups.front().members;
    ASSERT_EQ(members.size(), 1u);
    EXPECT_EQ(members[0].id, "10.0.0.1:80");
    queues.begin_live(at(11s));
    EXPECT_EQ(queue(80).live_delays.count(), 0u) << "they are looked at anew";
}

TEST_F(AcceptQueuesTest, without_a_delay_or_an_accept_nothing_is_known) {
    EndedLine line = served_end(ClosedFirst::local, Ending::fin);
    queues.on_connection(line.get(), 1);
    line.accepted();
    queues.on_connection(line.get(), 1);
    track::LiveSocket open = live(people.server(80), ESTABLISHED, at(1s));
    queues.on_live(open, 1);
    open.accept = track::Accept{std::nullopt, true};
    queues.on_live(open, 1);
    EXPECT_TRUE(queues.queues().empty());
    EXPECT_TRUE(section<report::Table>(report_of(queues, 10s), "accept_queues").rows.empty());
}

TEST_F(AcceptQueuesTest, those_wait_that_are_established_and_that_the_peer_has_closed) {
    queues.begin_live(at(10s));
    queues.on_live(waiting(80, ESTABLISHED, at(7s)), 2);
    queues.on_live(waiting(80, CLOSE_WAIT, at(9s)), 1);
    queues.on_live(waiting(80, FIN_WAIT1, at(1s)), 1);
    queues.on_live(waiting(80, SYN_RECV, at(1s)), 1);
    EXPECT_EQ(queue(80).waiting, 3u);
    EXPECT_EQ(queue(80).half_closed, 1u);
    EXPECT_EQ(queue(80).oldest, 3s);
    EXPECT_EQ(queue(80).since, at(7s));
    EXPECT_EQ(queue(80).seen_at, at(10s));
    EXPECT_TRUE(queue(80).oldest_is_exact);
    EXPECT_EQ(queue(80).addresses, std::set{address("10.0.0.1")});
    const report::Report report = report_of(queues, 10s);
    const auto& table = section<report::Table>(report, "accept_queues");
    EXPECT_EQ(number(cell(table, 0, "waiting")), 3);
    EXPECT_EQ(std::get<Nanoseconds>(cell(table, 0, "oldest_ns")), Nanoseconds(3s));
    EXPECT_EQ(number(cell(table, 0, "accepts")), 0);
    for (const char* time : {"p50_ns", "p99_ns", "max_ns"})
        EXPECT_TRUE(std::holds_alternative<std::monostate>(cell(table, 0, time))) << time;
    EXPECT_TRUE(
        section<report::Distributions>(report, "accept_delays").groups.front().members.empty());
}

TEST_F(AcceptQueuesTest, the_oldest_has_waited_since_it_was_established) {
    queues.begin_live(at(10s));
    const track::PathStep seen[] = {{SYN_RECV, Nanoseconds(3s)}, {ESTABLISHED, Nanoseconds(2s)}};
    track::LiveSocket closed = waiting(80, CLOSE_WAIT, at(9s));
    closed.left = seen;
    queues.on_live(closed, 1);
    EXPECT_EQ(queue(80).oldest, 3s);
    EXPECT_TRUE(queue(80).oldest_is_exact);
    const track::PathStep unseen[] = {{ESTABLISHED, std::nullopt, Nanoseconds(4s)}};
    track::LiveSocket found = waiting(80, CLOSE_WAIT, at(9s));
    found.left = unseen;
    queues.on_live(found, 1);
    EXPECT_EQ(queue(80).oldest, 5s);
    EXPECT_FALSE(queue(80).oldest_is_exact);
    queues.on_live(waiting(80, ESTABLISHED, at(8s)), 1);
    EXPECT_EQ(queue(80).oldest, 5s) << "it is younger";
    queues.on_live(waiting(80, ESTABLISHED, std::nullopt, at(4s)), 1);
    EXPECT_EQ(queue(80).oldest, 6s);
    EXPECT_FALSE(queue(80).oldest_is_exact);
    queues.on_live(waiting(80, ESTABLISHED, at(4s)), 1);
    EXPECT_TRUE(queue(80).oldest_is_exact) << "as old, and seen";
    queues.on_live(waiting(81, ESTABLISHED, at(11s)), 1); // an event may be stamped later
    EXPECT_EQ(queue(81).oldest, 0s);
}

TEST_F(AcceptQueuesTest, what_waited_when_the_trace_began_shows_by_whom_it_is_accepted) {
    EndedLine line = served_end(ClosedFirst::local, Ending::fin);
    line.line.seen = tcp::Seen::joined;
    line.line.accept = track::Accept{std::nullopt, true, at(2s)};
    queues.on_connection(line.get(), 1);
    ASSERT_EQ(queue(80).accepters.size(), 1u);
    EXPECT_EQ(queue(80).accepters[0].last, at(2s));
    EXPECT_TRUE(queue(80).are_all_accepts_known);
    EXPECT_EQ(queue(80).delays.count(), 0u);
}

TEST_F(AcceptQueuesTest, when_they_were_accepted_without_delay) {
    accepted(80, 99ms); // opened at 1 s, and 1 ms later established
    accepted(80, 100ms);
    EndedLine unseen = served_end(ClosedFirst::local, Ending::fin);
    unseen.line.accept = track::Accept{Nanoseconds(1ms), true};
    unseen.line.opened.reset();
    queues.on_connection(unseen.get(), 1);
    queues.begin_live(at(10s));
    track::LiveSocket open = live(people.server(80), ESTABLISHED, at(5s));
    open.accept = track::Accept{Nanoseconds(8ms), true, at(5008ms)};
    queues.on_live(open, 2);
    track::LiveSocket found = live(people.server(80), ESTABLISHED, std::nullopt, at(5s));
    found.accept = track::Accept{Nanoseconds(8ms), true};
    queues.on_live(found, 2);
    using Accepted = analysis::PromptAccepts::Accepted;
    const std::vector<Accepted> all = {{at(1100ms), 1}, {at(5008ms), 2}};
    EXPECT_EQ(queue(80).prompt.list(), all);
    queues.begin_live(at(11s));
    EXPECT_EQ(queue(80).prompt.list().size(), 1u);
    listens(80, 0, 5);
    queues.next_interval(at(11s));
    EXPECT_TRUE(queue(80).prompt.list().empty());
}

TEST_F(AcceptQueuesTest, a_few_are_named_and_further_ones_are_their_likes) {
    queues.begin_live(at(10s));
    for (int i = 0; i < 7; ++i) queues.on_live(waiting(80, ESTABLISHED, at(7s)), 1);
    EXPECT_EQ(queue(80).ids.size(), 5u);
    EXPECT_EQ(queue(80).likes.list().size(), 2u);
    queues.begin_live(at(10s));
    EXPECT_TRUE(queue(80).ids.empty());
    EXPECT_TRUE(queue(80).likes.list().empty());
    EXPECT_EQ(queue(80).waiting, 0u);
}

TEST_F(AcceptQueuesTest, listeners_of_one_endpoint_are_one_queue) {
    queues.begin_live(at(10s));
    track::Holders holders;
    holders.processes.push_back(process(7, "a"));
    holders.processes.push_back(process(8, "b"));
    listens(80, 3, 10, &holders, 7);
    listens(80, 4, 20, &holders, 8);
    EXPECT_EQ(queue(80).queued, 7u);
    EXPECT_EQ(queue(80).limit, 30u);
    EXPECT_TRUE(queue(80).is_open);
    EXPECT_EQ(queue(80).process, process(8, "app")) << "where more wait";
    EXPECT_EQ(queue(80).holders.size(), 2u) << "each once";
    queues.begin_live(at(11s));
    EXPECT_FALSE(queue(80).is_open);
    EXPECT_FALSE(queue(80).queued);
    EXPECT_FALSE(queue(80).limit);
    EXPECT_FALSE(queue(80).process);
    EXPECT_TRUE(queue(80).holders.empty());
}

TEST_F(AcceptQueuesTest, each_socket_has_a_queue_of_its_own) {
    queues.begin_live(at(10s));
    listens(80, 3, 20, nullptr, 7);
    listens(80, 9, 20, nullptr, 8);
    listens(80, 5, 4, nullptr, 9);
    listens(80, 0, 20, nullptr, 10);
    EXPECT_EQ(queue(80).socket_count, 4u);
    EXPECT_EQ(queue(80).least_limit, 4u);
    EXPECT_TRUE(queue(80).are_limits_known);
    EXPECT_TRUE(queue(80).is_full()) << "one of them";
    EXPECT_EQ(queue(80).process, process(9, "app")) << "whose queue is full";
    ASSERT_EQ(queue(80).sockets.size(), 4u);
    EXPECT_EQ(queue(80).sockets[1].queued, 9u);
    EXPECT_EQ(queue(80).busy_sockets().size(), 3u);
    listens(81, 5, 5);
    EXPECT_FALSE(queue(81).is_full());
    EXPECT_EQ(queue(81).busy_sockets().size(), 1u);
    queues.begin_live(at(11s));
    EXPECT_TRUE(queue(80).sockets.empty());
    EXPECT_EQ(queue(80).socket_count, 0u);
    EXPECT_FALSE(queue(80).least_limit);
    EXPECT_FALSE(queue(80).is_full());
}

TEST_F(AcceptQueuesTest, without_numbers_connections_wait_where_their_listener_is) {
    queues.begin_live(at(10s));
    for (const std::uint32_t pid : {7, 8})
        queues.on_live(live(people.listener("10.0.0.1", 80, tcp::Family::ipv4, process(pid, "app")),
                            LISTEN, at(0s)),
                       1);
    EXPECT_EQ(queue(80).busy_sockets().size(), 2u) << "it isn't known";
    EXPECT_FALSE(queue(80).are_limits_known);
    track::ConnectionIdentity& who = people.server(80);
    who.process = process(8, "app");
    track::LiveSocket socket = live(who, ESTABLISHED, at(7s));
    socket.accept = track::Accept{std::nullopt, false};
    queues.on_live(socket, 1);
    ASSERT_EQ(queue(80).busy_sockets().size(), 1u);
    EXPECT_EQ(queue(80).busy_sockets().front()->process, process(8, "app"));
}

TEST_F(AcceptQueuesTest, of_very_many_sockets_those_with_the_longest_queues_are_kept) {
    constexpr std::uint32_t most = analysis::AcceptQueue::kMostSockets;
    queues.begin_live(at(10s));
    for (std::uint32_t i = 0; i < 2 * most; ++i) listens(80, i, 1000, nullptr, i + 1);
    EXPECT_EQ(queue(80).socket_count, 2 * most);
    ASSERT_EQ(queue(80).sockets.size(), most);
    EXPECT_EQ(queue(80).sockets.front().queued, 2 * most - 1);
    EXPECT_EQ(queue(80).sockets.back().queued, most);
}

TEST_F(AcceptQueuesTest, the_length_of_a_queue_is_known_with_its_limit_only) {
    queues.begin_live(at(10s));
    event::SocketNumbers numbers;
    track::LiveSocket listener =
        live(people.listener("10.0.0.1", 80, tcp::Family::ipv4), LISTEN, at(0s));
    queues.on_live(listener, 1);
    listener.numbers = &numbers;
    listener.backlog = 5;
    queues.on_live(listener, 1);
    numbers.unread = 3;
    listener.backlog = {};
    queues.on_live(listener, 1);
    EXPECT_TRUE(queue(80).is_open);
    EXPECT_FALSE(queue(80).queued);
    EXPECT_FALSE(queue(80).limit);
}

TEST_F(AcceptQueuesTest, the_most_that_wait_are_on_top_then_the_most_that_were_accepted) {
    accepted(80, 1ms);
    accepted(81, 1ms, 3);
    queues.begin_live(at(10s));
    queues.on_live(waiting(82, ESTABLISHED, at(7s)), 1);
    queues.on_live(waiting(83, ESTABLISHED, at(7s)), 2);
    track::LiveSocket open = live(people.server(84), ESTABLISHED, at(1s));
    open.accept = track::Accept{Nanoseconds(8ms), true, at(1008ms)};
    queues.on_live(open, 2);
    const report::Report report = report_of(queues, 10s);
    const auto& table = section<report::Table>(report, "accept_queues");
    std::vector<tcp::Port> order;
    for (std::size_t row = 0; row < table.rows.size(); ++row)
        order.push_back(std::get<report::EndpointValue>(cell(table, row, "local")).endpoint.port);
    EXPECT_EQ(order, (std::vector<tcp::Port>{83, 82, 81, 84, 80}));
}

TEST_F(AcceptQueuesTest, an_interval_has_its_own_and_forgets_listeners_that_are_gone) {
    accepted(80, 1ms);
    accepted(81, 1ms);
    queues.begin_live(at(10s));
    listens(81, 0, 5);
    queues.on_live(waiting(82, ESTABLISHED, at(7s)), 1);
    queues.next_interval(at(10s));
    EXPECT_EQ(queues.queues().size(), 2u);
    EXPECT_EQ(queue(81).delays.count(), 0u);
    EXPECT_EQ(queue(82).waiting, 1u);
}

TEST_F(AcceptQueuesTest, beyond_so_many_endpoints_further_ones_are_passed_over) {
    constexpr std::uint32_t most = analysis::Flows::kMaxGroups;
    track::ConnectionIdentity who = people.server(80);
    track::LiveSocket socket = live(who, ESTABLISHED, at(7s));
    socket.accept = track::Accept{std::nullopt, false};
    queues.begin_live(at(10s));
    for (std::uint32_t i = 0; i <= most; ++i) {
        who.netns = kNetns + i;
        queues.on_live(socket, 1);
    }
    EXPECT_EQ(queues.queues().size(), most);
    EndedLine line = served_end(ClosedFirst::local, Ending::fin);
    line.line.accept = track::Accept{1ms, true, at(1002ms)};
    line.who.netns = kNetns + most;
    queues.on_connection(line.get(), 1);
    EXPECT_EQ(queues.queues().size(), most);
    accepted(80, 1ms);
    EXPECT_EQ(queue(80).delays.count(), 1u) << "known ones go on";
}

} // namespace
} // namespace tcpdwell::test

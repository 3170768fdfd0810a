// SPDX-License-Identifier: Apache-2.0
// RSTs for connections that this host doesn't know: which are one group, and whose ends they are.
#include "analysis/unknown_connections.h"

#include <gtest/gtest.h>

#include "ended_line.h"

namespace tcpdwell::test {
namespace {

using analysis::UnknownGroup;

struct UnknownConnectionsTest : testing::Test {
    analysis::Lives lives;
    analysis::UnknownConnections unknown{lives};
    analysis::KnownServices known;

    void reset(const tcp::FourTuple& ends, Nanoseconds when = 10s, std::uint32_t netns = kNetns,
               analysis::Weight weight = 1) {
        unknown.on_stray_reset({at(when), netns, ends, TD_REASON_NO_SOCKET, 0}, weight);
    }
    UnknownGroup only() const {
        const auto groups = unknown.groups(known);
        EXPECT_EQ(groups.size(), 1u);
        return groups.empty() ? UnknownGroup() : groups.front();
    }
    /// The client's end of what reset() calls `ends`.
    static EndedLine other_end(const tcp::FourTuple& ends, Nanoseconds closed = 10s,
                               std::uint32_t netns = kNetns + 1) {
        EndedLine line = client_end(ClosedFirst::remote, Ending::reset_received);
        line.who.tuple = {ends.remote, ends.local, ends.family};
        line.who.netns = netns;
        line.line.closed = at(closed);
        return line;
    }

    const tcp::FourTuple ends = tuple("10.0.0.1", 80, "10.0.0.2", 50'000);
};

TEST_F(UnknownConnectionsTest, of_one_service_are_a_group) {
    reset(ends, 10s);
    reset(ends, 12s);
    reset(tuple("10.0.0.1", 80, "10.0.0.2", 50'001), 11s);
    UnknownGroup group = only();
    EXPECT_EQ(group.netns, kNetns);
    EXPECT_EQ(group.connections, 2u);
    EXPECT_EQ(group.resets, 3u);
    EXPECT_EQ(group.first, at(10s));
    EXPECT_EQ(group.last, at(12s));
    EXPECT_EQ(group.local, ends.local);
    EXPECT_EQ(group.remote, (tcp::Endpoint{address("10.0.0.2"), 0})) << "several ports";
    EXPECT_EQ(group.ended, 0u);
    EXPECT_EQ(group.translated, 0u);
    reset(tuple("10.0.0.1", 80, "10.0.0.3", 50'000), 13s);
    group = only();
    EXPECT_TRUE(group.remote.empty()) << "several hosts";
    EXPECT_EQ(group.last, at(13s));
}

/// A masquerading NAT may take any port.
TEST_F(UnknownConnectionsTest, a_known_service_may_have_the_higher_port) {
    const tcp::FourTuple low = tuple("10.0.0.1", 7002, "10.0.0.2", 1501);
    const auto reset_both = [&] {
        reset(low);
        reset(tuple("10.0.0.1", 7002, "10.0.0.2", 9000));
    };
    reset_both();
    EXPECT_EQ(unknown.groups(known).size(), 2u);
    unknown.next_interval(at(10s));
    known.endpoints.insert(low.local);
    reset_both();
    EXPECT_EQ(only().local, low.local);
    EXPECT_EQ(only().connections, 2u);
}

TEST_F(UnknownConnectionsTest, a_listener_on_all_addresses_is_one_of_its_namespace) {
    known.ports.emplace(kNetns, 7002);
    const tcp::FourTuple low = tuple("10.0.0.1", 7002, "10.0.0.2", 1501);
    reset(low);
    EXPECT_EQ(only().local, low.local);
    EXPECT_EQ(only().remote, low.remote);
    reset(tuple("10.0.0.1", 7002, "10.0.0.2", 1502));
    EXPECT_EQ(only().connections, 2u);
    unknown.next_interval(at(10s));
    reset(low, 10s, kNetns + 1);
    reset(tuple("10.0.0.1", 7002, "10.0.0.2", 1502), 10s, kNetns + 1);
    EXPECT_EQ(unknown.groups(known).size(), 2u) << "another namespace";
}

TEST_F(UnknownConnectionsTest, a_known_service_may_be_the_other_end) {
    known.endpoints.insert({address("10.0.0.1"), 7002});
    reset(tuple("10.0.0.2", 1501, "10.0.0.1", 7002));
    reset(tuple("10.0.0.2", 1502, "10.0.0.1", 7002));
    EXPECT_EQ(only().remote, (tcp::Endpoint{address("10.0.0.1"), 7002}));
    EXPECT_EQ(only().connections, 2u);
}

TEST_F(UnknownConnectionsTest, to_a_service_elsewhere_are_a_group_too) {
    reset(tuple("10.0.0.2", 50'000, "10.0.0.1", 80));
    reset(tuple("10.0.0.2", 50'001, "10.0.0.1", 80), 9s); // the hosts' order isn't that of time
    const UnknownGroup group = only();
    EXPECT_EQ(group.remote, (tcp::Endpoint{address("10.0.0.1"), 80}));
    EXPECT_EQ(group.local, (tcp::Endpoint{address("10.0.0.2"), 0}));
    EXPECT_EQ(group.first, at(9s));
    EXPECT_EQ(group.last, at(10s));
}

TEST_F(UnknownConnectionsTest, of_several_services_are_groups_by_their_connections) {
    reset(ends);
    for (tcp::Port port = 1001; port <= 1003; ++port)
        reset(tuple("10.0.0.1", 81, "10.0.0.2", port));
    reset(tuple("10.0.0.1", 82, "10.0.0.2", 1000), 10s, kNetns, 2);
    reset(ends, 10s, kNetns + 1);
    const auto groups = unknown.groups(known);
    ASSERT_EQ(groups.size(), 4u);
    EXPECT_EQ(groups[0].local.port, 81);
    EXPECT_EQ(groups[1].local.port, 82);
    EXPECT_EQ(groups[1].connections, 2u) << "a sampled one stands for two";
    EXPECT_EQ(groups[1].resets, 2u);
    unknown.next_interval(at(20s));
    EXPECT_TRUE(unknown.groups(known).empty());
}

TEST_F(UnknownConnectionsTest, end_their_other_end_within_five_seconds) {
    reset(ends, 10s);
    reset(ends, 20s);
    for (const auto& [closed, ended] : {std::pair(5s - 1ns, false),
                                        {Nanoseconds(5s), true},
                                        {Nanoseconds(15s), true},
                                        {Nanoseconds(25s), true},
                                        {25s + 1ns, false}})
        EXPECT_EQ(unknown.have_ended(other_end(ends, closed).get()), ended) << closed.count();
    EndedLine other = other_end(ends);
    other.line.ending = Ending::fin;
    EXPECT_FALSE(unknown.have_ended(other.get()));
    other = other_end(ends);
    other.line.closed.reset();
    EXPECT_FALSE(unknown.have_ended(other.get()));
    other = other_end(ends);
    ++other.who.tuple.local.port;
    EXPECT_FALSE(unknown.have_ended(other.get()));
    other = other_end(ends);
    ++other.who.tuple.remote.port;
    EXPECT_FALSE(unknown.have_ended(other.get()));
}

TEST_F(UnknownConnectionsTest, count_the_ends_that_they_have_caused) {
    reset(ends, 10s, kNetns, 3);
    EndedLine other = other_end(ends);
    other.who.id = 77;
    unknown.on_connection(other.get(), 1);
    const UnknownGroup group = only();
    EXPECT_EQ(group.ended, 3u);
    EXPECT_EQ(group.ids.list(), std::vector<track::ConnectionId>{77});
    EXPECT_EQ(group.process, process(100, "app"));
}

TEST_F(UnknownConnectionsTest, within_loopback_are_of_their_namespace) {
    const tcp::FourTuple local = tuple("127.0.0.1", 80, "127.0.0.1", 50'000);
    reset(local);
    EXPECT_FALSE(unknown.have_ended(other_end(local).get()));
    EXPECT_TRUE(unknown.have_ended(other_end(local, 10s, kNetns).get()));
}

TEST_F(UnknownConnectionsTest, are_none_if_they_have_ended_here) {
    EndedLine own = served_end(ClosedFirst::local, Ending::reset_sent);
    own.who.tuple = ends;
    reset(ends, 2500ms); // before its line
    unknown.on_connection(own.get(), 1);
    EXPECT_TRUE(unknown.groups(known).empty());
    EXPECT_FALSE(unknown.have_ended(other_end(ends, 2500ms).get()));
    unknown.next_interval(at(3s));
    reset(ends, 4s); // after it
    EXPECT_TRUE(unknown.groups(known).empty());
}

TEST_F(UnknownConnectionsTest, are_some_if_they_ended_here_unknown_to_the_peer_or_later) {
    for (const Ending silent : {Ending::dropped_silently, Ending::timed_out}) {
        EndedLine own = served_end(ClosedFirst::local, silent);
        own.who.tuple = ends;
        unknown.on_connection(own.get(), 1);
        reset(ends);
        unknown.on_connection(own.get(), 1);
        EXPECT_EQ(unknown.groups(known).size(), 1u);
        unknown.next_interval(at(20s));
    }
    EndedLine later = served_end(ClosedFirst::local, Ending::fin);
    later.who.tuple = ends;
    later.line.opened = at(10s + 1ns);
    later.line.closed = at(11s);
    reset(ends);
    unknown.on_connection(later.get(), 1);
    EXPECT_EQ(unknown.groups(known).size(), 1u);
    later.line.opened = at(10s);
    unknown.on_connection(later.get(), 1);
    EXPECT_EQ(unknown.groups(known).size(), 0u) << "opened by then";
}

/// A client of a virtual address, whose server's segments come untranslated.
struct TranslatedUnknown : UnknownConnectionsTest {
    TranslatedUnknown() { client.who.tuple = tuple("10.0.0.2", 50'000, "10.96.0.1", 443); }
    EndedLine client = client_end(ClosedFirst::none, Ending::timed_out);
    const tcp::FourTuple untranslated = tuple("10.0.0.2", 50'000, "10.0.0.9", 8080);

    bool is_translated() { return only().translated != 0; }
    track::LiveSocket open(std::optional<MonoTime> since, MonoTime known_since = at(0s)) {
        return live(client.who, ESTABLISHED, since, known_since);
    }
};

TEST_F(TranslatedUnknown, are_the_clients) {
    client.who.id = 5;
    reset(untranslated, 2s);
    unknown.on_connection(client.get(), 1);
    const UnknownGroup group = only();
    EXPECT_EQ(group.translated, 1u);
    EXPECT_EQ(group.translated_from, (tcp::Endpoint{address("10.96.0.1"), 443}));
    EXPECT_EQ(group.client, process(100, "app"));
    EXPECT_EQ(group.ids.list(), std::vector<track::ConnectionId>{5});
    EXPECT_EQ(group.local, untranslated.local);
    EXPECT_EQ(group.remote, untranslated.remote);
}

TEST_F(TranslatedUnknown, came_while_the_client_was_there) {
    for (const auto& [when, translated] : {std::pair(1s - 1ns, false),
                                           {Nanoseconds(1s), true},
                                           {Nanoseconds(2s), true},
                                           {2s + 1ns, false}}) {
        reset(untranslated, when); // opened at 1 s, closed at 2 s
        EndedLine ended = client;
        ended.line.ending = Ending::reset_received;
        EXPECT_EQ(unknown.have_ended(ended.get()), translated) << when.count();
        unknown.on_connection(client.get(), 1);
        EXPECT_EQ(is_translated(), translated) << when.count();
        unknown.next_interval(at(20s));
    }
    reset(untranslated, 500ms);
    client.line.opened.reset(); // it was there before
    unknown.on_connection(client.get(), 1);
    EXPECT_TRUE(is_translated());
}

TEST_F(TranslatedUnknown, may_be_of_a_client_that_is_there_still) {
    reset(untranslated, 10s);
    unknown.on_live(open(at(10s + 1ns)), 1);
    EXPECT_FALSE(is_translated());
    const track::PathStep left[] = {{SYN_SENT, Nanoseconds(1ns)}};
    track::LiveSocket socket = open(at(10s + 1ns));
    socket.left = left;
    unknown.on_live(socket, 1);
    EXPECT_TRUE(is_translated());
    unknown.next_interval(at(20s));
    reset(untranslated, 10s);
    unknown.on_live(open(std::nullopt, at(10s)), 1);
    EXPECT_TRUE(is_translated());
}

TEST_F(TranslatedUnknown, are_of_no_other_socket) {
    reset(untranslated, 2s);
    const EndedLine right = client;
    client.who.role = tcp::Role::server;
    unknown.on_connection(client.get(), 1);
    client = right;
    ++client.who.netns;
    unknown.on_connection(client.get(), 1);
    client = right;
    ++client.who.tuple.local.port;
    unknown.on_connection(client.get(), 1);
    EXPECT_FALSE(is_translated());
}

TEST_F(TranslatedUnknown, of_several_have_in_common_what_they_share) {
    const auto translated = [&](tcp::Port port, const char* to, tcp::Port service,
                                const event::Process& by) {
        reset(tuple("10.0.0.2", port, "10.0.0.9", 8080), 2s);
        client.who.tuple = tuple("10.0.0.2", port, to, service);
        client.who.process = by;
        unknown.on_connection(client.get(), 1);
    };
    translated(1001, "10.96.0.1", 443, process(100, "app"));
    translated(1002, "10.96.0.1", 443, process(100, "app"));
    // By the service's endpoint, as it is known that the client is here.
    EXPECT_EQ(only().translated, 2u);
    EXPECT_EQ(only().client, process(100, "app"));
    EXPECT_EQ(only().translated_from, (tcp::Endpoint{address("10.96.0.1"), 443}));
    translated(1003, "10.96.0.1", 444, process(101, "app"));
    EXPECT_EQ(only().client, process(0, "app"));
    EXPECT_EQ(only().translated_from, (tcp::Endpoint{address("10.96.0.1"), 0}));
    translated(1004, "10.96.0.2", 443, process(101, "other"));
    EXPECT_EQ(only().client, std::nullopt);
    EXPECT_TRUE(only().translated_from.empty());
}

} // namespace
} // namespace tcpdwell::test

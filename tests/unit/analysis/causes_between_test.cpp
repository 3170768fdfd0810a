// SPDX-License-Identifier: Apache-2.0
// What the other end, or a segment that finds no socket, shows of a connection that has ended.
#include <gtest/gtest.h>

#include "analysis/causes.h"
#include "ended_line.h"

namespace tcpdwell::test {
namespace {

struct CausesBetween : testing::Test {
    analysis::Flows flows{at(0s)};
    analysis::Lives lives;
    analysis::UnknownConnections unknown{lives};
    analysis::ListenerTimes listeners;
    analysis::Causes causes{flows, listeners, unknown, lives, at(0s)};

    EndedLine client = client_end(ClosedFirst::remote, Ending::reset_received).carried(10, 5);
    EndedLine server = served_end(ClosedFirst::none, Ending::open).carried(5, 5);

    const analysis::CauseFacts& of_client(EndCause cause) {
        for (const auto& [key, party] : causes.parties())
            if (key.role == tcp::Role::client && party.facts(cause)) return *party.facts(cause);
        static const analysis::CauseFacts nothing;
        return nothing;
    }
    std::uint64_t open_there(tcp::State state, Nanoseconds since) {
        causes.begin_live(at(9s));
        causes.on_live(live(server.who, state, at(since), at(since), ClosedFirst::none), 1);
        return of_client(EndCause::reset_there).open_there;
    }
};

TEST_F(CausesBetween, the_other_end_of_a_reset_connection_is_still_open) {
    causes.on_connection(client.get(), 1); // at 2 s
    EXPECT_EQ(open_there(ESTABLISHED, 1s), 1u);
    EXPECT_EQ(open_there(ESTABLISHED, 1s), 1u) << "it isn't another one in the next report";
    EXPECT_EQ(open_there(FIN_WAIT2, 1s), 0u);
    EXPECT_EQ(open_there(ESTABLISHED, 2s + 1ns), 0u) << "the ports were used again";
    server.who.tuple.remote.port += 1;
    EXPECT_EQ(open_there(ESTABLISHED, 1s), 0u);
}

struct GivenUp : CausesBetween {
    GivenUp() {
        client = client_end(ClosedFirst::none, Ending::connect_failed, EndingDetail::given_up);
        client.states = {{SYN_SENT, 200ms}};
        client.numbers.segments_sent = 1;
        server =
            served_end(ClosedFirst::none, Ending::handshake_failed, EndingDetail::reset_received);
        server.states = {{SYN_RECV, 300ms}};
    }
    std::uint64_t of_server() {
        for (const auto& [key, party] : causes.parties())
            if (key.role == tcp::Role::server) return party.count(EndCause::never_completed);
        return 0;
    }
    void syn_ack(Nanoseconds when) {
        causes.on_stray_reset({at(when), kNetns, client.who.tuple, TD_REASON_NO_SOCKET, 0}, 1);
    }
};

TEST_F(GivenUp, the_answer_finds_no_socket) {
    causes.on_connection(client.get(), 1);
    EXPECT_EQ(of_client(EndCause::unanswered).count, 1u);
    EXPECT_EQ(of_client(EndCause::unanswered).answered_late, 0u);
    syn_ack(7s + 1ns);
    EXPECT_EQ(of_client(EndCause::unanswered).answered_late, 0u) << "of another connection";
    syn_ack(2100ms);
    syn_ack(3100ms);
    EXPECT_EQ(of_client(EndCause::unanswered).answered_late, 1u) << "it was sent again";
}

TEST_F(GivenUp, is_no_failure_of_the_server) {
    causes.on_connection(client.get(), 1);
    causes.on_connection(server.get(), 1);
    EXPECT_EQ(of_server(), 0u);
    server.who.tuple.remote.port += 1;
    causes.on_connection(server.get(), 1);
    EXPECT_EQ(of_server(), 1u) << "whose client isn't seen";
}

/// RFC 8305: the IPv6 address can't be reached, and that of IPv4 answers.
TEST_F(GivenUp, what_is_taken_back_leaves_nothing) {
    track::ConnectionId last = 0;
    const auto tried = [&](Nanoseconds opened, EndingDetail detail) {
        client.who.id = ++last;
        client.line.opened = at(opened);
        client.line.closed = at(opened + 1s);
        client.line.detail = detail;
        causes.on_connection(client.get(), 1);
    };
    const auto other_answers = [&](Nanoseconds when) {
        track::ConnectionIdentity other = client.who;
        other.tuple.remote.address = address("2001:db8::9");
        causes.on_transition({at(when), &other, SYN_SENT, ESTABLISHED, 1ms}, 1);
    };
    using Ids = std::vector<track::ConnectionId>;
    tried(1s, EndingDetail::unreachable);
    EXPECT_EQ(of_client(EndCause::unanswered).details[EndingDetail::unreachable], 1u);
    other_answers(2s);
    EXPECT_EQ(of_client(EndCause::unanswered).count, 0u);
    tried(10s, EndingDetail::timeout);
    const analysis::CauseFacts& facts = of_client(EndCause::unanswered);
    EXPECT_EQ(facts.count, 1u);
    EXPECT_EQ(facts.details[EndingDetail::unreachable], 0u);
    EXPECT_EQ(facts.ids.list(), Ids{2});
    EXPECT_EQ(facts.first, at(11s));
    tried(20s, EndingDetail::unreachable);
    EXPECT_EQ(facts.ids.list(), (Ids{2, 3}));
    other_answers(21s);
    EXPECT_EQ(facts.count, 1u);
    EXPECT_EQ(facts.details[EndingDetail::unreachable], 0u);
    EXPECT_EQ(facts.ids.list(), Ids{2});
}

TEST_F(CausesBetween, a_program_has_been_connected) {
    const tcp::Endpoint remote = client.who.tuple.remote;
    EXPECT_FALSE(causes.may_have_connected(kNetns, "app", remote));
    causes.on_live(live(client.who, SYN_SENT, at(1s), at(1s), ClosedFirst::none), 1);
    EXPECT_FALSE(causes.may_have_connected(kNetns, "app", remote));
    causes.on_transition({at(1s), &client.who, SYN_SENT, ESTABLISHED, 1ms}, 1);
    EXPECT_TRUE(causes.may_have_connected(kNetns, "app", remote));
    EXPECT_FALSE(causes.may_have_connected(kNetns, "other", remote));
    EndedLine found = client;
    found.who.tuple.remote.port += 1;
    causes.on_live(live(found.who, ESTABLISHED, at(1s), at(1s), ClosedFirst::none), 1);
    EXPECT_TRUE(causes.may_have_connected(kNetns, "app", found.who.tuple.remote));
}

TEST_F(CausesBetween, beyond_its_bounds_any_program_may_have_been_connected) {
    const tcp::Endpoint other{client.who.tuple.remote.address, 1};
    EndedLine line = client;
    // Clients of a server are none of its peers.
    line.who.role = tcp::Role::server;
    causes.on_live(live(line.who, ESTABLISHED, at(1s), at(1s), ClosedFirst::none), 1);
    line.who.role = tcp::Role::client;
    EXPECT_FALSE(causes.may_have_connected(kNetns, "app", line.who.tuple.remote));
    for (std::size_t i = 0; i < analysis::Flows::kMaxGroups; ++i) {
        EXPECT_FALSE(causes.may_have_connected(kNetns + 1, "app", other));
        line.who.netns = static_cast<std::uint32_t>(kNetns + 2 + i);
        causes.on_transition({at(1s), &line.who, SYN_SENT, ESTABLISHED, 1ms}, 1);
    }
    EXPECT_TRUE(causes.may_have_connected(kNetns + 1, "app", other));
    EXPECT_FALSE(causes.may_have_connected(kNetns + 2, "other", line.who.tuple.remote));
}

/// A collector of logs reads and never answers: that it exits is no harm to its clients.
TEST_F(CausesBetween, what_a_process_left_unanswered_counts_where_others_were_answered) {
    const auto ended = [&](EndedLine line) { causes.on_connection(line.get(), 1); };
    const auto died = [&] {
        return causes.parties().begin()->second.count(EndCause::process_died);
    };
    const EndedLine exits =
        served_end(ClosedFirst::local, Ending::fin).carried(0, 1).closed_how(tcp::ClosedHow::exit);
    ended(exits);
    EXPECT_EQ(died(), 0u);
    ended(served_end(ClosedFirst::remote, Ending::fin).carried(1, 1));
    ended(exits);
    EXPECT_EQ(died(), 1u);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What ended the connections of each party: each counts once, at the end where the cause lies.
#include "analysis/causes.h"

#include <gtest/gtest.h>

#include "ended_line.h"

namespace tcpdwell::test {
namespace {

using analysis::CauseFacts;

struct CausesTest : testing::Test {
    analysis::Flows flows{at(0s)};
    analysis::Lives lives;
    analysis::UnknownConnections unknown{lives};
    analysis::ListenerTimes listeners;
    analysis::Causes causes{flows, listeners, unknown, lives, at(0s)};
    track::ConnectionId last_id = 0;

    void ended(EndedLine line, analysis::Weight weight = 1) {
        line.who.id = ++last_id;
        causes.on_connection(line.get(), weight);
    }
    /// Of all parties.
    std::uint64_t count(EndCause cause) const {
        std::uint64_t sum = 0;
        for (const auto& [key, party] : causes.parties()) sum += party.count(cause);
        return sum;
    }
    const CauseFacts& only(EndCause cause) const {
        EXPECT_EQ(causes.parties().size(), 1u);
        const CauseFacts* found = causes.parties().begin()->second.facts(cause);
        EXPECT_TRUE(found);
        return *found;
    }
    /// The connection of `line`, as its other end would have it.
    static tcp::FourTuple mirror(const EndedLine& line) {
        return {line.who.tuple.remote, line.who.tuple.local, line.who.tuple.family};
    }
};

TEST_F(CausesTest, are_facts_on_all_connections_that_ended_so) {
    EndedLine first = client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::unread_data)
                          .carried(5, 5, 30)
                          .closed_how(tcp::ClosedHow::exit);
    first.line.closed = at(3s);
    EndedLine second = first;
    second.line.closed = at(2s);
    second.numbers.unread = 20;
    second.who.closed_by = process(101, "other");
    second.who.process = process(101, "app");
    ended(first);
    ended(second, 2);
    const CauseFacts& facts = only(EndCause::process_died);
    EXPECT_EQ(facts.count, 3u);
    EXPECT_EQ(facts.last, at(3s));
    EXPECT_EQ(facts.ids.list(), (std::vector<track::ConnectionId>{1, 2}));
    EXPECT_EQ(facts.hosts, std::set{address("10.0.0.1")});
    EXPECT_EQ(facts.most_unread, 30u);
    EXPECT_EQ(facts.details[EndingDetail::unread_data], 3u);
    EXPECT_EQ(facts.signals, (std::map<std::uint32_t, std::uint64_t>{{0, 3}}));
    EXPECT_EQ(facts.closers.size(), 2u);
    EXPECT_EQ(facts.translated, 0u);
    const analysis::PartyEnds& party = causes.parties().begin()->second;
    EXPECT_EQ(party.ended, 3u);
    EXPECT_EQ(party.endings.at({Ending::reset_sent, EndingDetail::unread_data}), 3u);
    EXPECT_EQ(party.process, process(100, "app"));
    EXPECT_TRUE(party.several_pids);
    causes.next_interval(at(10s));
    EXPECT_TRUE(causes.parties().empty());
}

TEST_F(CausesTest, a_death_was_when_the_close_began_which_the_peer_may_draw_out) {
    EndedLine killed =
        served_end(ClosedFirst::local, Ending::fin).closed_how(tcp::ClosedHow::signal, 11);
    killed.stays(FIN_WAIT1, 1s).stays(FIN_WAIT2, 10s).stays(TIME_WAIT, 60s);
    killed.line.closed = at(100s);
    ended(killed);
    EXPECT_EQ(only(EndCause::process_died).first, at(29s));
    EXPECT_EQ(only(EndCause::process_died).last, at(29s));
    EXPECT_EQ(only(EndCause::process_died).opened, at(1s));
}

TEST_F(CausesTest, are_those_of_a_program_or_of_a_listener) {
    EndedLine client = client_end(ClosedFirst::none, Ending::refused);
    ended(client);
    client.who.process = process(101, "app");
    ended(client);
    EXPECT_EQ(causes.parties().size(), 1u);
    client.who.process = process(101, "other");
    ended(client);
    client.who.tuple.remote.port = 81;
    ended(client);
    ++client.who.netns;
    ended(client);
    EXPECT_EQ(causes.parties().size(), 4u);
    EndedLine served = served_end(ClosedFirst::local, Ending::fin);
    ended(served);
    served.who.process = process(7, "worker");
    served.who.tuple.remote = {address("10.0.0.9"), 1};
    ended(served);
    EXPECT_EQ(causes.parties().size(), 5u);
    EndedLine neither = client;
    neither.who.role = tcp::Role::unknown;
    ended(neither);
    EXPECT_EQ(causes.parties().size(), 5u);
    EndedLine open = served_end(ClosedFirst::none, Ending::open);
    open.who.tuple.local.port = 99;
    ended(open);
    EXPECT_EQ(causes.parties().size(), 5u);
}

TEST_F(CausesTest, where_the_listener_is_known_are_of_it) {
    EndedLine served = served_end(ClosedFirst::local, Ending::fin);
    ended(served);
    const auto& [key, party] = *causes.parties().begin();
    EXPECT_EQ(key.endpoint, served.who.tuple.local);
    EXPECT_EQ(key.role, tcp::Role::server);
    EXPECT_EQ(party.addresses, std::set{address("10.0.0.1")});
}

/// Both ends are on this host: the client's line may come first or last.
TEST_F(CausesTest, lie_at_one_of_two_ends) {
    const EndedLine lingered =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(5, 5);
    const EndedLine reset = client_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5);
    for (const bool client_first : {false, true}) {
        ended(client_first ? reset : lingered);
        ended(client_first ? lingered : reset);
        EXPECT_EQ(count(EndCause::lingered), 1u);
        EXPECT_EQ(count(EndCause::reset_there), 0u);
        causes.next_interval(at(10s));
    }
    EndedLine other = reset;
    ++other.who.tuple.local.port;
    ended(lingered);
    ended(other);
    EXPECT_EQ(count(EndCause::lingered), 1u);
    EXPECT_EQ(count(EndCause::reset_there), 1u) << "of another connection";
}

/// As where a middlebox sends RSTs to both.
TEST_F(CausesTest, of_which_neither_explains_the_other_the_server_s_counts) {
    const EndedLine here = client_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5);
    const EndedLine there = served_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5);
    for (const bool client_first : {true, false}) {
        ended(client_first ? here : there);
        ended(client_first ? there : here);
        EXPECT_EQ(count(EndCause::reset_there), 1u);
        causes.next_interval(at(10s));
    }
}

TEST_F(CausesTest, of_a_check_count_for_the_listener_that_is_checked) {
    const EndedLine checks =
        client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero);
    const EndedLine checked = served_end(ClosedFirst::remote, Ending::reset_received);
    for (const bool client_first : {false, true}) {
        ended(client_first ? checks : checked);
        ended(client_first ? checked : checks);
        EXPECT_EQ(count(EndCause::half_open_check), 1u);
        for (const auto& [key, party] : causes.parties())
            EXPECT_EQ(party.count(EndCause::half_open_check),
                      key.role == tcp::Role::server ? 1u : 0u);
        causes.next_interval(at(10s));
    }
}

TEST_F(CausesTest, beyond_a_translation_are_marked_as_such) {
    const EndedLine lingered =
        served_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::so_linger_zero)
            .carried(5, 5);
    EndedLine reset = client_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5);
    reset.who.tuple.remote = {address("10.96.0.1"), 443};
    for (const bool client_first : {false, true}) {
        ended(client_first ? reset : lingered);
        ended(client_first ? lingered : reset);
        EXPECT_EQ(count(EndCause::reset_there), 0u);
        for (const auto& [key, party] : causes.parties())
            if (key.role == tcp::Role::server) {
                EXPECT_EQ(party.facts(EndCause::lingered)->translated, 1u);
                EXPECT_EQ(party.count(EndCause::lingered), 1u);
            }
        causes.next_interval(at(10s));
    }
}

/// RFC 8305: a program tries the addresses of a name one after the other.
struct TriesTest : CausesTest {
    track::ConnectionIdentity answered;
    TriesTest() {
        answered = EndedLine(failed()).who;
        answered.tuple.remote.address = address("2001:db8::9");
    }
    /// From 1 s to 2 s.
    static EndedLine failed() { return client_end(ClosedFirst::none, Ending::refused); }
    void is_answered(Nanoseconds when) {
        causes.on_transition({at(when), &answered, SYN_SENT, ESTABLISHED, std::nullopt}, 1);
    }
    bool counts_if_answered(Nanoseconds when, bool before) {
        if (before) is_answered(when);
        ended(failed());
        if (!before) is_answered(when);
        const bool counts = count(EndCause::refused) != 0;
        causes.next_interval(at(100s));
        return counts;
    }
};

TEST_F(TriesTest, that_another_address_answers_have_not_failed) {
    for (const bool before : {false, true}) {
        EXPECT_TRUE(counts_if_answered(1s - 1ns, before)) << before;
        EXPECT_FALSE(counts_if_answered(1s, before)) << before;
        EXPECT_FALSE(counts_if_answered(3s, before)) << before;
        EXPECT_FALSE(counts_if_answered(4s, before)) << before;
        EXPECT_TRUE(counts_if_answered(4s + 1ns, before)) << before;
    }
}

/// Or else each failure of a proxy's connects would be made up for by its other upstreams.
TEST_F(TriesTest, of_one_family_have_failed_unless_they_lost_against_a_single_answer) {
    answered.tuple.remote.address = address("10.0.0.9");
    for (const bool before : {false, true}) {
        EXPECT_TRUE(counts_if_answered(1'990ms - 1ns, before)) << before;
        EXPECT_FALSE(counts_if_answered(1'990ms, before)) << before;
        EXPECT_FALSE(counts_if_answered(2s, before)) << before;
        EXPECT_TRUE(counts_if_answered(2s + 1ns, before)) << before;
    }
    is_answered(1s);
    EXPECT_TRUE(counts_if_answered(2s, true)) << "two answers while it waited";
    for (int i = 0; i < 100; ++i) is_answered(2s);
    is_answered(2s + 1ns);
    ended(failed());
    EXPECT_EQ(count(EndCause::refused), 1u) << "more answers than are remembered";
}

TEST_F(TriesTest, are_those_of_one_process_at_one_port) {
    const track::ConnectionIdentity right = answered;
    for (const bool before : {false, true}) {
        answered = right;
        answered.tuple.remote.address = failed().who.tuple.remote.address;
        EXPECT_TRUE(counts_if_answered(2s, before)) << "the same address, tried again";
        answered = right;
        ++answered.tuple.remote.port;
        EXPECT_TRUE(counts_if_answered(2s, before));
        answered = right;
        answered.process = process(101, "app");
        EXPECT_TRUE(counts_if_answered(2s, before));
        answered = right;
        answered.process.reset();
        EXPECT_TRUE(counts_if_answered(2s, before));
        answered = right;
        ++answered.netns;
        EXPECT_TRUE(counts_if_answered(2s, before));
    }
}

TEST_F(TriesTest, know_when_their_endpoint_answered_another) {
    answered.tuple = failed().who.tuple;
    answered.process = process(101, "other");
    is_answered(500ms);
    ended(failed());
    is_answered(3s);
    EXPECT_EQ(only(EndCause::refused).answered, at(500ms)) << "before the last refusal";
    ended(failed());
    EXPECT_EQ(only(EndCause::refused).answered, at(3s));
    ++answered.netns;
    is_answered(4s);
    ended(failed());
    EXPECT_EQ(only(EndCause::refused).answered, at(3s)) << "that may be another host's";
    causes.next_interval(at(5s));
    ended(failed());
    EXPECT_FALSE(only(EndCause::refused).answered);
}

TEST_F(TriesTest, that_failed_are_all_answered_by_one) {
    for (const char* other : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) {
        EndedLine line = failed();
        line.who.tuple.remote.address = address(other);
        ended(line);
    }
    EXPECT_EQ(count(EndCause::refused), 3u);
    is_answered(2s);
    EXPECT_EQ(count(EndCause::refused), 0u);
    is_answered(2s); // once more
    ended(client_end(ClosedFirst::remote, Ending::reset_received).carried(5, 5));
    EXPECT_EQ(count(EndCause::reset_there), 1u) << "that was no try";
}

TEST_F(TriesTest, without_an_answer_have_failed) {
    ended(failed());
    causes.on_transition({at(2s), &answered, SYN_SENT, CLOSE, std::nullopt}, 1);
    causes.on_transition({at(2s), &answered, SYN_RECV, ESTABLISHED, std::nullopt}, 1);
    EXPECT_EQ(count(EndCause::refused), 1u);
    EndedLine given_up =
        client_end(ClosedFirst::none, Ending::connect_failed, EndingDetail::given_up);
    given_up.who.tuple.remote.address = address("10.0.0.3");
    ended(given_up);
    EXPECT_EQ(count(EndCause::unanswered), 1u);
    is_answered(2s);
    EXPECT_EQ(count(EndCause::refused) + count(EndCause::unanswered), 0u);
}

TEST_F(CausesTest, that_were_counted_while_it_waited_count_once) {
    EndedLine killed = served_end(ClosedFirst::local, Ending::fin)
                           .carried(5, 5)
                           .closed_how(tcp::ClosedHow::signal, 9);
    track::LiveSocket socket = live(killed.who, TIME_WAIT, at(1s), at(1s), ClosedFirst::local);
    socket.closed_how = tcp::ClosedHow::signal;
    for (int report = 0; report < 2; ++report) {
        causes.begin_live(at(2s));
        causes.on_live(socket, 3);
        EXPECT_EQ(count(EndCause::process_died), 3u);
        EXPECT_EQ(causes.parties().begin()->second.connections(), 3u);
    }
    causes.begin_live(at(3s));
    causes.on_connection(killed.get(), 3);
    EXPECT_EQ(count(EndCause::process_died), 3u);
    EXPECT_EQ(causes.parties().begin()->second.connections(), 3u);
    causes.on_connection(killed.get(), 3); // another one, later
    EXPECT_EQ(count(EndCause::process_died), 6u);
}

TEST_F(CausesTest, sockets_connected_to_themselves_are_known_by_their_program) {
    track::ConnectionIdentity who = EndedLine(client_end(ClosedFirst::none, Ending::open)).who;
    const auto goes = [&](tcp::State from, tcp::State to) {
        causes.on_transition({at(1s), &who, from, to, std::nullopt}, 2);
    };
    goes(SYN_SENT, ESTABLISHED);
    EXPECT_TRUE(causes.self_connected().empty());
    who.tuple.remote = who.tuple.local;
    goes(CLOSE, SYN_SENT);
    goes(ESTABLISHED, FIN_WAIT1);
    EXPECT_TRUE(causes.self_connected().empty());
    goes(SYN_SENT, SYN_RECV);
    goes(SYN_RECV, ESTABLISHED);
    ASSERT_EQ(causes.self_connected().size(), 1u);
    const auto& [key, found] = *causes.self_connected().begin();
    EXPECT_EQ(key.first, kNetns);
    EXPECT_EQ(key.second, "app");
    EXPECT_EQ(found.count, 2u);
    EXPECT_EQ(found.tuple, who.tuple);
    EXPECT_EQ(found.ids.list(), std::vector<track::ConnectionId>{who.id});
    causes.next_interval(at(2s));
    EXPECT_TRUE(causes.self_connected().empty());
}

TEST_F(CausesTest, have_what_their_connections_carried_as_far_as_it_is_known) {
    EndedLine known = client_end(ClosedFirst::local, Ending::fin).carried(10, 20);
    known.numbers.segments_sent = 3;
    known.numbers.segments_retransmitted = 1;
    known.numbers.rtt_us = 500;
    ended(known, 2);
    EndedLine unknown = client_end(ClosedFirst::local, Ending::fin);
    unknown.numbers = {};
    ended(unknown, 2);
    track::ConnectionLine line = EndedLine(known).get();
    line.who = &known.who;
    line.states = {};
    line.numbers = nullptr;
    causes.on_connection(line, 2);
    const analysis::PartyEnds& party = causes.parties().begin()->second;
    EXPECT_EQ(party.ended, 6u);
    EXPECT_EQ(party.bytes_sent, 20u);
    EXPECT_EQ(party.bytes_received, 40u);
    EXPECT_EQ(party.segments_sent, 6u);
    EXPECT_EQ(party.segments_retransmitted, 2u);
    EXPECT_EQ(party.rtt.count(), 2u);
    EXPECT_EQ(party.rtt.max(), Nanoseconds(500'000));
    EndedLine reset = client_end(ClosedFirst::local, Ending::reset_sent, EndingDetail::disconnect);
    reset.numbers = {};
    ended(reset);
    EXPECT_EQ(only(EndCause::reset_here).most_unread, 0u);
}

TEST_F(CausesTest, of_parties_beyond_the_most_are_passed_over) {
    constexpr std::uint32_t most = analysis::Flows::kMaxGroups;
    EndedLine line = client_end(ClosedFirst::none, Ending::timed_out);
    for (std::uint32_t i = 0; i <= most; ++i) {
        line.who.netns = kNetns + i;
        ended(line);
    }
    EXPECT_EQ(causes.parties().size(), most);
    EXPECT_EQ(count(EndCause::peer_gone), most);
    causes.begin_live(at(5s));
    causes.on_live(live(line.who, TIME_WAIT, at(1s), at(1s), ClosedFirst::local), 1);
    EXPECT_EQ(causes.parties().size(), most);
    line.who.netns = kNetns;
    ended(line);
    EXPECT_EQ(count(EndCause::peer_gone), most + 1) << "known ones go on";
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Causes of connections that have ended but for a wait.
#include <gtest/gtest.h>

#include "analysis/causes.h"
#include "ended_line.h"
#include "lines.h"

namespace tcpdwell::test {
namespace {

using analysis::EndCause;

class LiveCauses : public testing::Test {
protected:
    /// A connection to port 80 here that its process has closed, and where it is since.
    void closed_by(tcp::ClosedHow how, std::uint8_t signal, tcp::State state,
                   tcp::ClosedFirst first = tcp::ClosedFirst::local) {
        track::LiveSocket socket =
            live(names_.server(80, static_cast<tcp::Port>(50'000 + count_++)), state, at(1s),
                 at(1s), first);
        socket.closed_how = how;
        socket.closing_signal = signal;
        causes_.on_live(socket, 1);
    }
    std::uint64_t died() {
        const auto& parties = causes_.parties();
        return parties.empty() ? 0 : parties.begin()->second.count(EndCause::process_died);
    }
    std::uint64_t over() {
        const auto& parties = causes_.parties();
        return parties.empty() ? 0 : parties.begin()->second.connections();
    }

    ProcessNames names_;
    analysis::Flows flows_{at(0s)};
    analysis::Lives lives_;
    analysis::UnknownConnections unknown_{lives_};
    analysis::ListenerTimes listeners_;
    analysis::Causes causes_{flows_, listeners_, unknown_, lives_, at(0s)};
    int count_ = 0;
};

TEST_F(LiveCauses, who_was_killed_has_closed) {
    for (const tcp::State state : {TIME_WAIT, FIN_WAIT2, FIN_WAIT1, CLOSING})
        closed_by(tcp::ClosedHow::signal, 9, state);
    EXPECT_EQ(died(), 4U);
    EXPECT_EQ(over(), 4U);
    const analysis::CauseFacts& facts =
        *causes_.parties().begin()->second.facts(EndCause::process_died);
    EXPECT_EQ(facts.signals, (std::map<std::uint32_t, std::uint64_t>{{9, 4}}));
    EXPECT_EQ(facts.first, at(1s));
}

TEST_F(LiveCauses, who_has_closed_itself_has_not_died) {
    closed_by(tcp::ClosedHow::close, 0, TIME_WAIT);
    EXPECT_EQ(over(), 1U);
    for (const tcp::State state : {FIN_WAIT1, FIN_WAIT2, CLOSING})
        closed_by(tcp::ClosedHow::close, 0, state);
    EXPECT_EQ(over(), 1U) << "still under way";
    EXPECT_EQ(died(), 0U);
}

TEST_F(LiveCauses, of_the_living_nothing_is_known) {
    closed_by(tcp::ClosedHow::signal, 9, LAST_ACK, tcp::ClosedFirst::remote);
    closed_by(tcp::ClosedHow::signal, 9, ESTABLISHED);
    EXPECT_EQ(over(), 0U);
}

TEST_F(LiveCauses, what_was_over_before_is_of_another_interval) {
    causes_.next_interval(at(2s)); // what is reported late isn't lost
    closed_by(tcp::ClosedHow::signal, 9, TIME_WAIT);
    EXPECT_EQ(over(), 1U);
    EXPECT_EQ(died(), 1U);
    causes_.next_interval(at(2s + 1ns));
    closed_by(tcp::ClosedHow::signal, 9, TIME_WAIT);
    EXPECT_EQ(over(), 0U);
    EXPECT_EQ(died(), 0U);
}

/// Their TIME_WAIT ends a minute later, in another interval or in a window that began meanwhile.
TEST_F(LiveCauses, ends_are_of_the_interval_in_which_only_a_wait_was_left) {
    EndedLine turned = client_end(ClosedFirst::local, Ending::fin);
    turned.line.closed = at(70s);
    turned.line.time_wait = track::ConnectionLine::TimeWait{60s, tcp::TimeWaitEnd::expired, 0};
    EndedLine killed = client_end(ClosedFirst::local, Ending::reset_received)
                           .carried(5, 5)
                           .closed_how(tcp::ClosedHow::signal, 9)
                           .stays(FIN_WAIT1, 60s);
    killed.line.closed = at(70s);
    const auto end_both = [&] {
        causes_.on_connection(turned.get(), 1);
        causes_.on_connection(killed.get(), 1);
    };
    causes_.next_interval(at(11s)); // what is reported late isn't lost
    end_both();
    EXPECT_EQ(over(), 2U);
    EXPECT_EQ(died(), 1U);
    causes_.next_interval(at(11s + 1ns));
    end_both();
    EXPECT_EQ(causes_.parties().begin()->second.ended, 2U) << "they are gone only now";
    EXPECT_EQ(over(), 0U);
    EXPECT_EQ(died(), 0U);
}

} // namespace
} // namespace tcpdwell::test

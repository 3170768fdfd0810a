// SPDX-License-Identifier: Apache-2.0
// When the connections of findings were in which state.
#include <gtest/gtest.h>

#include <set>

#include "analysis/report_maker.h"
#include "ended_line.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

using analysis::Life;
using analysis::Lives;

/// The line of a connection that was SYN_RECV for 1 ms, then ESTABLISHED for 100 ms.
EndedLine served() { return served_end(ClosedFirst::remote, Ending::reset_received); }

TEST(LifeOfAConnection, CountsFromItsBirth) {
    EndedLine ended = served();
    ended.line.closed.reset();
    const Life life = analysis::life_of(ended.get());
    ASSERT_EQ(life.spans.size(), 2u);
    EXPECT_EQ(life.spans[0].state, SYN_RECV);
    EXPECT_EQ(life.spans[0].begin, at(1s));
    EXPECT_EQ(life.spans[1].begin, at(1s + 1ms));
    EXPECT_EQ(life.spans[1].end, at(1s + 101ms));
    EXPECT_TRUE(life.spans[1].begin_is_exact);
    EXPECT_EQ(life.ending, Ending::reset_received);
}

TEST(LifeOfAConnection, CountsBackFromItsEndWhereItsBirthWasNotSeen) {
    EndedLine ended = served();
    ended.line.opened.reset();
    ended.states.front().dwell.reset();
    ended.states.front().at_least = 7ms;
    const Life life = analysis::life_of(ended.get());
    EXPECT_EQ(life.spans[1].begin, at(2s - 100ms));
    EXPECT_EQ(life.spans[0].end, at(2s - 100ms));
    EXPECT_EQ(life.spans[0].begin, at(2s - 107ms)); // at the latest
    EXPECT_FALSE(life.spans[0].begin_is_exact);
}

TEST(LifeOfAConnection, ClaimsNothingWhereNothingIsKnown) {
    EndedLine ended = served();
    ended.line.opened.reset();
    ended.line.closed.reset();
    const Life life = analysis::life_of(ended.get());
    for (const Life::Span& span : life.spans) {
        EXPECT_FALSE(span.begin);
        EXPECT_FALSE(span.end);
        EXPECT_FALSE(span.begin_is_exact);
    }
}

TEST(LifeOfAConnection, KeepsItsLastStates) {
    EndedLine ended = served();
    for (int i = 0; i < 30; ++i) ended.stays(i % 2 ? FIN_WAIT2 : FIN_WAIT1, 1ms);
    const Life life = analysis::life_of(ended.get());
    ASSERT_EQ(life.spans.size(), Life::kMostSpans);
    EXPECT_EQ(life.spans.back().end, at(2s));
    EXPECT_EQ(life.spans.back().state, FIN_WAIT2);
}

TEST(LifeOfAConnection, EndsInTheStateThatASocketIsIn) {
    EndedLine ended = served();
    track::ConnectionIdentity who = ended.who;
    track::LiveSocket socket{.who = who,
                             .state = CLOSE_WAIT,
                             .since = at(5s),
                             .known_since = at(5s),
                             .seen = tcp::Seen::whole,
                             .closed_first = ClosedFirst::remote,
                             .ending = Ending::open,
                             .left = ended.states};
    const Life life = analysis::life_of(socket);
    ASSERT_EQ(life.spans.size(), 3u);
    EXPECT_EQ(life.spans[1].begin, at(5s - 100ms));
    EXPECT_EQ(life.spans[2].begin, at(5s));
    EXPECT_FALSE(life.spans[2].end);
    EXPECT_FALSE(life.ending);
    socket.since.reset();
    EXPECT_FALSE(analysis::life_of(socket).spans[2].begin_is_exact);
    EXPECT_FALSE(analysis::life_of(socket).spans[1].begin);
}

/// Reports on lines made by hand.
class LivesOfFindings : public testing::Test, private track::TrackerListener {
protected:
    void end(EndedLine ended, int times) {
        for (int i = 0; i < times; ++i) {
            ++count_;
            ended.who.id = 0xabc00u + static_cast<unsigned>(count_);
            ended.who.tuple.remote.port = static_cast<tcp::Port>(1 + count_ % 60'000);
            ended.who.tuple.remote.address.bytes[15] =
                static_cast<std::uint8_t>(2 + count_ / 60'000);
            maker_.on_move({at(1s), &ended.who, std::nullopt, ESTABLISHED, true});
            maker_.on_move({at(2s), &ended.who, ESTABLISHED, std::nullopt});
            maker_.on_connection(ended.get());
        }
    }
    const report::Finding* found(std::string_view id) {
        const analysis::HostFacts host;
        report_ = maker_.make(tracker_, {}, host, synth::kTestClock, {}, at(10s));
        return finding(report_, id);
    }

    analysis::ReportMaker maker_{{}, at(0s)};

private:
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}

    track::Tracker tracker_{*this, {}};
    report::Report report_;
    int count_ = 0;
};

TEST_F(LivesOfFindings, AreThoseOfTheConnectionsThatTheyName) {
    end(served().carried(5, 5).accepted(), 40);
    const report::Finding* resets = found("connections_reset");
    ASSERT_NE(resets, nullptr);
    ASSERT_FALSE(resets->connections.empty());
    ASSERT_GT(resets->lives.size(), resets->connections.size()); // and others like them
    EXPECT_LE(resets->lives.size(), Lives::kMostInFinding);
    std::set<std::uint64_t> ids;
    for (std::size_t i = 0; i < resets->lives.size(); ++i) {
        const report::ConnectionLife& life = resets->lives[i];
        EXPECT_TRUE(ids.insert(life.id.value).second);
        if (i < resets->connections.size()) {
            EXPECT_EQ(life.id.value, resets->connections[i].value);
        }
        ASSERT_EQ(life.spans.size(), 2u);
        EXPECT_EQ(life.spans[1].state, ESTABLISHED);
        EXPECT_EQ(life.spans[1].begin, synth::kTestClock.to_wall(at(1s + 1ms)));
        EXPECT_EQ(life.ending, Ending::reset_received);
    }
}

/// However many services work well before the first one doesn't, each with examples of its own.
TEST_F(LivesOfFindings, AreKeptOfWhatEndedBadlyAfterManyThatDidNot) {
    for (std::uint16_t port = 1; port <= Lives::kMost; ++port) {
        EndedLine well = served_end(ClosedFirst::local, Ending::fin).carried(5, 5).accepted();
        well.who.tuple.local.port = static_cast<tcp::Port>(20'000 + port);
        end(well, 1);
    }
    end(served().carried(5, 5).accepted(), 40);
    const report::Finding* resets = found("connections_reset");
    ASSERT_NE(resets, nullptr);
    EXPECT_GT(resets->lives.size(), resets->connections.size());
}

TEST_F(LivesOfFindings, AreOfTheIntervalOnly) {
    end(served().carried(5, 5).accepted(), 40);
    ASSERT_NE(found("connections_reset"), nullptr);
    maker_.next_interval(at(10s));
    EXPECT_EQ(found("connections_reset"), nullptr);
    end(served().carried(5, 5).accepted(), 40);
    const report::Finding* resets = found("connections_reset");
    ASSERT_NE(resets, nullptr);
    EXPECT_GT(resets->lives.size(), resets->connections.size());
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What stands behind a selection sees selected connections only, and can count on the moves that it
// gets.
#include "run/selection.h"

#include <gtest/gtest.h>

#include <map>

#include "../analysis/connection_mix.h"
#include "event/decode.h"
#include "event/encode.h"
#include "synth/traffic.h"

namespace tcpdwell {
namespace {

using namespace std::chrono_literals;
using States = std::map<ConnectionId, TcpState>;

/// Where each connection is by the moves; complains of moves that don't follow from each other.
class Whereabouts final : public Consumer {
public:
    void begin(const Context&) override {}
    Result<bool> flush(const RunState&) override { return true; }
    Result<void> finish() override { return {}; }
    void on_move(const StateMove& move) override {
        const auto it = states.find(move.who->id);
        const auto known = it == states.end() ? std::nullopt : std::optional(it->second);
        if (move.from != known || (!move.from && !move.to)) ++wrong_moves;
        if (move.to)
            states[move.who->id] = *move.to;
        else
            states.erase(move.who->id);
        ++moves;
    }
    void on_transition(const TransitionLine&) override { ++transitions; }
    void on_connection(const ConnectionLine& line) override {
        wrong_moves += states.contains(line.who->id) ? 1 : 0;
        ++connections;
    }
    void on_lost(const LostLine&) override { ++losses; }

    States states;
    int wrong_moves = 0;
    int moves = 0;
    int transitions = 0;
    int connections = 0;
    int losses = 0;
};

/// The same lines through the filter, and as they are; what is right behind it is worked out here,
/// line by line.
class Split final : public TrackerListener {
public:
    explicit Split(const Filter& filter) : selection(filter, context, selected) {}

    void on_move(const StateMove& move) override {
        selection.on_move(move);
        all.on_move(move);
        const bool counts = move.to && selection.selects(*move.who);
        if (counts)
            expected[move.who->id] = *move.to;
        else
            changes_mind += expected.erase(move.who->id) != 0 && move.to ? 1 : 0;
        EXPECT_EQ(selected.states, expected);
    }
    void on_transition(const TransitionLine& line) override {
        transitions += selection.selects(*line.who) ? 1 : 0;
        selection.on_transition(line);
    }
    void on_connection(const ConnectionLine& line) override {
        connections += selection.selects(*line.who) ? 1 : 0;
        selection.on_connection(line);
    }
    void on_lost(const LostLine& line) override { selection.on_lost(line); }

    Context context;
    Whereabouts all;
    Whereabouts selected;
    Selection selection;
    States expected;
    int changes_mind = 0; ///< connections that were selected, and went on without
    int transitions = 0;
    int connections = 0;
};

void feed(Tracker& tracker, Context& context, const std::vector<WireRecord>& records) {
    Decoder decoder;
    static_cast<void>(decoder.decode(encode(ClockReading{kTestClock}, kTestClock)));
    for (const WireRecord& record : records) {
        const auto event = decoder.decode(record.bytes);
        if (!event) continue;
        context.on_event(*event);
        tracker.on_event(*event);
    }
    tracker.settle(records.back().at);
}

GeneratedConnection traffic(std::uint64_t seed) {
    TrafficOptions options;
    options.seed = seed;
    options.stories = 300;
    options.only_ending = false;
    return make_traffic(options);
}

TEST(Selection, moves_behind_it_follow_from_each_other) {
    int changes_mind = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const GeneratedConnection story = traffic(seed);
        std::vector<Filter> filters(4);
        filters[0].role = Role::client;
        filters[1].comms = {"worker"};
        for (const Outcome& outcome : story.outcomes) {
            if (outcome.process && outcome.process->pid % 2 == 0)
                filters[2].pids.push_back(outcome.process->pid);
            if (outcome.closed_by) filters[3].pids.push_back(outcome.closed_by->pid);
        }
        for (const Filter& filter : filters) {
            if (filter.empty()) continue;
            Split split(filter);
            Tracker tracker(split, {});
            feed(tracker, split.context, story.records);
            EXPECT_EQ(split.all.wrong_moves, 0);
            EXPECT_EQ(split.selected.wrong_moves, 0);
            EXPECT_EQ(split.selected.transitions, split.transitions);
            EXPECT_EQ(split.selected.connections, split.connections);
            EXPECT_GT(split.selected.moves, 0);
            EXPECT_LT(split.selected.moves, split.all.moves);
            changes_mind += split.changes_mind;
        }
    }
    EXPECT_GT(changes_mind, 10);
}

TEST(Selection, of_everything_is_not_in_the_way) {
    const Context context;
    Whereabouts inner;
    EXPECT_EQ(&Selection({}, context, inner).entrance(), &inner);
    Selection selection({.pids = {1}}, context, inner);
    EXPECT_EQ(&selection.entrance(), &selection);
}

TEST(Selection, a_cgroup_counts_from_when_its_path_is_known) {
    Context context;
    Whereabouts inner;
    Selection selection({.cgroups = {"/app"}}, context, inner);
    ConnectionIdentity who;
    who.id = 7;
    who.slot = 1;
    who.cgroup = 42;
    selection.on_move({MonoTime{1s}, &who, std::nullopt, TcpState::SYN_SENT, true});
    EXPECT_TRUE(inner.states.empty());
    context.on_event(CgroupPath{42, "/app"});
    selection.on_move({MonoTime{2s}, &who, TcpState::SYN_SENT, TcpState::ESTABLISHED});
    EXPECT_EQ(inner.states, (States{{7, TcpState::ESTABLISHED}}));
    selection.on_move({MonoTime{3s}, &who, TcpState::ESTABLISHED, std::nullopt});
    EXPECT_EQ(inner.moves, 2);
    EXPECT_EQ(inner.wrong_moves, 0);
}

TEST(Selection, the_next_connection_in_a_slot_comes_from_nowhere) {
    const Context context;
    Whereabouts inner;
    Selection selection({.pids = {1}}, context, inner);
    ConnectionIdentity first;
    first.id = 7;
    first.slot = 1;
    first.process = Process{1, {}};
    selection.on_move({MonoTime{1s}, &first, std::nullopt, TcpState::ESTABLISHED});
    ConnectionIdentity second =
        first; // as if the last move of the first one had been held back (a time window)
    second.id = 8;
    selection.on_move({MonoTime{2s}, &second, TcpState::ESTABLISHED, TcpState::CLOSE_WAIT});
    EXPECT_EQ(inner.states.at(8), TcpState::CLOSE_WAIT);
    EXPECT_EQ(inner.wrong_moves, 0);
}

TEST(Selection, losses_are_for_everybody) {
    const Context context;
    Whereabouts inner;
    Selection selection({.pids = {1}}, context, inner);
    selection.on_lost(LostLine{MonoTime{1s}, 5, {}});
    EXPECT_EQ(inner.losses, 1);
}

} // namespace
} // namespace tcpdwell

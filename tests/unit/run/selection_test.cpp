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

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using States = std::map<track::ConnectionId, tcp::State>;

/// Where each connection is by the moves; complains of moves that don't follow from each other.
class Whereabouts final : public run::Consumer {
public:
    void begin(const run::Context&) override {}
    Result<bool> flush(const run::RunState&) override { return true; }
    Result<void> finish() override { return {}; }
    void on_move(const track::StateMove& move) override {
        const auto it = states.find(move.who->id);
        const auto known = it == states.end() ? std::nullopt : std::optional(it->second);
        if (move.from != known || (!move.from && !move.to)) ++wrong_moves;
        if (move.to)
            states[move.who->id] = *move.to;
        else
            states.erase(move.who->id);
        ++moves;
    }
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime) override {
        learnt.push_back(who.id);
        EXPECT_EQ(states.at(who.id), state);
    }
    void on_transition(const track::TransitionLine&) override { ++transitions; }
    void on_connection(const track::ConnectionLine& line) override {
        wrong_moves += states.contains(line.who->id) ? 1 : 0;
        ++connections;
    }
    void on_lost(const track::LostLine&) override { ++losses; }
    void on_counters(const track::CountersLine& line) override { counted.push_back(line.netns); }

    void on_stray_reset(const track::StrayResetLine& line) override {
        strays.push_back(line.tuple.local.port);
    }

    States states;
    int wrong_moves = 0;
    int moves = 0;
    int transitions = 0;
    int connections = 0;
    int losses = 0;
    std::vector<track::ConnectionId> learnt;
    std::vector<std::uint32_t> counted; ///< namespaces of counters
    std::vector<tcp::Port> strays;      ///< local ports of stray resets
};

/// The same lines through the filter, and as they are; what is right behind it is worked out here,
/// line by line.
class Split final : public track::TrackerListener {
public:
    explicit Split(const event::Filter& filter) : selection(filter, context, selected) {}

    void on_move(const track::StateMove& move) override {
        selection.on_move(move);
        all.on_move(move);
        const bool counts = move.to && selection.selects(*move.who);
        if (counts)
            expected[move.who->id] = *move.to;
        else
            changes_mind += expected.erase(move.who->id) != 0 && move.to ? 1 : 0;
        EXPECT_EQ(selected.states, expected);
    }
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override {
        selection.on_learnt(who, state, at);
        EXPECT_EQ(all.states.at(who.id), state);
        if (selection.selects(who))
            learnt_of += expected.insert_or_assign(who.id, state).second ? 1 : 0;
        else
            expected.erase(who.id);
        EXPECT_EQ(selected.states, expected);
    }
    void on_transition(const track::TransitionLine& line) override {
        transitions += selection.selects(*line.who) ? 1 : 0;
        selection.on_transition(line);
    }
    void on_connection(const track::ConnectionLine& line) override {
        connections += selection.selects(*line.who) ? 1 : 0;
        selection.on_connection(line);
    }
    void on_lost(const track::LostLine& line) override { selection.on_lost(line); }

    run::Context context;
    Whereabouts all;
    Whereabouts selected;
    run::Selection selection;
    States expected;
    int changes_mind = 0; ///< connections that were selected, and went on without
    int learnt_of = 0;    ///< connections that were selected without moving
    int transitions = 0;
    int connections = 0;
};

void feed(track::Tracker& tracker, run::Context& context,
          const std::vector<synth::WireRecord>& records) {
    event::Decoder decoder;
    static_cast<void>(
        decoder.decode(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)));
    for (const synth::WireRecord& record : records) {
        const auto event = decoder.decode(record.bytes);
        if (!event) continue;
        context.on_event(*event);
        tracker.on_event(*event);
    }
    tracker.settle(records.back().at);
}

synth::GeneratedConnection traffic(std::uint64_t seed) {
    synth::TrafficOptions options;
    options.seed = seed;
    options.stories = 300;
    options.only_ending = false;
    return make_traffic(options);
}

TEST(Selection, moves_behind_it_follow_from_each_other) {
    int changes_mind = 0;
    int learnt_of = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const synth::GeneratedConnection story = traffic(seed);
        std::vector<event::Filter> filters(6);
        filters[0].role = tcp::Role::client;
        filters[1].comms = {"worker"};
        for (const synth::Outcome& outcome : story.outcomes) {
            if (outcome.process && outcome.process->pid % 2 == 0)
                filters[2].pids.wanted.push_back(outcome.process->pid);
            if (outcome.closed_by) filters[3].pids.wanted.push_back(outcome.closed_by->pid);
        }
        filters[4].pids.excluded = filters[2].pids.wanted;
        filters[5].pids.excluded = filters[3].pids.wanted;
        for (const event::Filter& filter : filters) {
            if (filter.empty()) continue;
            Split split(filter);
            track::Tracker tracker(split, {});
            feed(tracker, split.context, story.records);
            EXPECT_EQ(split.all.wrong_moves, 0);
            EXPECT_EQ(split.selected.wrong_moves, 0);
            EXPECT_EQ(split.selected.transitions, split.transitions);
            EXPECT_EQ(split.selected.connections, split.connections);
            const track::TrackerTotals seen = split.selection.selected(tracker.totals());
            EXPECT_EQ(seen.transitions, static_cast<std::uint64_t>(split.transitions));
            EXPECT_EQ(seen.connections, static_cast<std::uint64_t>(split.connections));
            EXPECT_LT(seen.connections, tracker.totals().connections);
            EXPECT_GT(split.selected.moves, 0);
            EXPECT_LT(split.selected.moves, split.all.moves);
            changes_mind += split.changes_mind;
            learnt_of += split.learnt_of;
        }
    }
    EXPECT_GT(changes_mind, 10);
    EXPECT_GT(learnt_of, 10);
}

/// Connection 7, in cgroup 42, of no process that is known.
track::ConnectionIdentity number_seven() {
    track::ConnectionIdentity who;
    who.id = 7;
    who.slot = 1;
    who.cgroup = 42;
    return who;
}

TEST(Selection, of_everything_is_not_in_the_way) {
    const run::Context context;
    Whereabouts inner;
    EXPECT_EQ(&run::Selection({}, context, inner).entrance(), &inner);
    run::Selection selection({.pids = {1}}, context, inner);
    EXPECT_EQ(&selection.entrance(), &selection);
}

TEST(Selection, a_cgroup_counts_from_when_its_path_is_known) {
    run::Context context;
    Whereabouts inner;
    run::Selection selection({.cgroups = {"/app"}}, context, inner);
    track::ConnectionIdentity who = number_seven();
    selection.on_move({MonoTime{1s}, &who, std::nullopt, tcp::State::SYN_SENT, true});
    EXPECT_TRUE(inner.states.empty());
    context.on_event(event::CgroupPath{42, "/app"});
    selection.on_move({MonoTime{2s}, &who, tcp::State::SYN_SENT, tcp::State::ESTABLISHED});
    EXPECT_EQ(inner.states, (States{{7, tcp::State::ESTABLISHED}}));
    selection.on_move({MonoTime{3s}, &who, tcp::State::ESTABLISHED, std::nullopt});
    EXPECT_EQ(inner.moves, 2);
    EXPECT_EQ(inner.wrong_moves, 0);
}

TEST(Selection, a_container_counts_from_when_it_is_known) {
    run::Context context;
    Whereabouts inner;
    run::Selection selection({.containers = {"web"}}, context, inner);
    track::ConnectionIdentity who = number_seven();
    EXPECT_FALSE(selection.selects(who));
    context.on_event(event::ContainerName{42, "shop/cart/web"});
    EXPECT_TRUE(selection.selects(who));
    context.on_event(event::ContainerName{42, "renamed"});
    EXPECT_FALSE(selection.selects(who));
}

TEST(Selection, what_is_learnt_of_those_that_are_selected_is_passed_on) {
    const run::Context context;
    Whereabouts inner;
    run::Selection selection({.pids = {1}}, context, inner);
    track::ConnectionIdentity who = number_seven();
    selection.on_move({MonoTime{1s}, &who, std::nullopt, tcp::State::ESTABLISHED});
    selection.on_learnt(who, tcp::State::ESTABLISHED, MonoTime{1s});
    EXPECT_EQ(inner.moves, 0);
    who.process = event::Process{1, {}};
    selection.on_learnt(who, tcp::State::ESTABLISHED, MonoTime{2s});
    EXPECT_EQ(inner.states, (States{{7, tcp::State::ESTABLISHED}}));
    EXPECT_TRUE(inner.learnt.empty()) << "a move has said it";
    who.process->comm_bytes[0] = 'a';
    selection.on_learnt(who, tcp::State::ESTABLISHED, MonoTime{3s});
    EXPECT_EQ(inner.learnt, std::vector<track::ConnectionId>{7});
    who.process->pid = 2;
    selection.on_learnt(who, tcp::State::ESTABLISHED, MonoTime{4s});
    EXPECT_TRUE(inner.states.empty());
    EXPECT_EQ(inner.learnt.size(), 1U);
    EXPECT_EQ(inner.wrong_moves, 0);
}

TEST(Selection, the_next_connection_in_a_slot_comes_from_nowhere) {
    const run::Context context;
    Whereabouts inner;
    run::Selection selection({.pids = {1}}, context, inner);
    track::ConnectionIdentity first;
    first.id = 7;
    first.slot = 1;
    first.process = event::Process{1, {}};
    selection.on_move({MonoTime{1s}, &first, std::nullopt, tcp::State::ESTABLISHED});
    track::ConnectionIdentity second =
        first; // as if the last move of the first one had been held back (a time window)
    second.id = 8;
    selection.on_move({MonoTime{2s}, &second, tcp::State::ESTABLISHED, tcp::State::CLOSE_WAIT});
    EXPECT_EQ(inner.states.at(8), tcp::State::CLOSE_WAIT);
    EXPECT_EQ(inner.wrong_moves, 0);
}

TEST(Selection, losses_are_for_everybody) {
    const run::Context context;
    Whereabouts inner;
    run::Selection selection({.pids = {1}}, context, inner);
    selection.on_lost(track::LostLine{MonoTime{1s}, 5, {}});
    EXPECT_EQ(inner.losses, 1);
}

TEST(Selection, counters_are_for_those_who_want_their_namespace) {
    const run::Context context;
    Whereabouts inner;
    run::Selection by_pid({.pids = {1}}, context, inner);
    run::Selection by_netns({.netns = {7}}, context, inner);
    for (const std::uint32_t netns : {7u, 8u}) by_netns.on_counters({MonoTime{1s}, netns, {}});
    EXPECT_EQ(inner.counted, std::vector<std::uint32_t>{7});
    by_pid.on_counters({MonoTime{1s}, 8, {}});
    EXPECT_EQ(inner.counted, (std::vector<std::uint32_t>{7, 8}));
}

TEST(Selection, stray_resets_are_selected_by_what_is_known_of_them) {
    const run::Context context;
    const std::pair<event::Filter, bool> cases[] = {
        {{.netns = {7}}, true},           {{.netns = {8}}, false},
        {{.ports = {443}}, true},         {{.ports = {80}}, false},
        {{.remote_ports = {4000}}, true}, {{.family = tcp::Family::ipv6}, false},
        {{.pids = {1}}, false},           {{.role = tcp::Role::server}, false},
    };
    const tcp::FourTuple tuple{{*tcp::IpAddress::parse("10.0.0.1"), 443},
                               {*tcp::IpAddress::parse("10.0.0.2"), 4000},
                               tcp::Family::ipv4};
    for (const auto& [filter, passes] : cases) {
        Whereabouts by_user;
        run::Selection(filter, context, by_user)
            .on_stray_reset({MonoTime{1s}, 7, tuple, TD_REASON_NO_SOCKET, 0});
        EXPECT_EQ(by_user.strays.size(), passes ? 1u : 0u);
        Whereabouts by_recording;
        run::Selection({}, context, by_recording, {filter})
            .on_stray_reset({MonoTime{1s}, 7, tuple, TD_REASON_NO_SOCKET, 0});
        EXPECT_EQ(by_recording.strays.size(), passes ? 1u : 0u);
    }
}

} // namespace
} // namespace tcpdwell::test

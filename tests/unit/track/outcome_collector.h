// SPDX-License-Identifier: Apache-2.0
// Runs records through decoder and tracker, and collects what the tracker reports as outcomes, to
// be compared with those of a story. Also used by the property tests.
#pragma once

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <ostream>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "event/decode.h"
#include "event/encode.h"
#include "synth/generated_connection.h"
#include "synth/setting.h"
#include "track/tracker.h"

namespace tcpdwell::test {

/// How GoogleTest shows states, endings and the like.
template <class E>
requires(std::is_enum_v<E>&& requires(E e) {
    std::string(name(e));
}) void PrintTo(const E& value, std::ostream* out) {
    *out << name(value);
}

/// Gathers the lines of each connection under its id, and complains of lines that can never be
/// right.
class OutcomeCollector : public track::TrackerListener {
public:
    void on_move(const track::StateMove& move) override {
        std::optional<tcp::State>& counted = counted_in_[move.who->id];
        if (move.from != counted) complain(*move.who, "a move from where it isn't counted");
        if (!move.from && !move.to) complain(*move.who, "a move from nowhere to nowhere");
        if (move.from == tcp::State::CLOSE || move.to == tcp::State::CLOSE)
            complain(*move.who, "a move that names CLOSE");
        if (move.born && (move.from || !move.to))
            complain(*move.who, "a birth of what is there, or isn't");
        counted = move.to;
    }
    void on_transition(const track::TransitionLine& line) override {
        synth::Outcome& o = outcome(*line.who);
        if (o.line) complain(o, "a transition after the connection's line");
        if (state_by_moves(line.who->id) != line.to) complain(o, "a transition without its move");
        if (line.dwell && *line.dwell < Nanoseconds(0)) complain(o, "a negative dwell");
        o.transitions.push_back({line.at, line.from, line.to, line.dwell});
    }
    void on_connection(const track::ConnectionLine& line) override {
        synth::Outcome& o = outcome(*line.who);
        if (o.line) complain(o, "a second line for one connection");
        synth::OutcomeLine reported{line.opened, line.closed, {},           line.closed_first,
                                    line.ending, line.detail, std::nullopt, line.seen};
        for (const track::PathStep& step : line.states) {
            if (step.dwell && *step.dwell < Nanoseconds(0)) complain(o, "a negative stay");
            reported.states.push_back({step.state, step.dwell});
        }
        if (line.time_wait)
            reported.time_wait = {line.time_wait->dwell, line.time_wait->end,
                                  line.time_wait->restarts};
        o.line = reported;
    }
    void on_lost(const track::LostLine& line) override { lost.push_back(line); }

    std::vector<track::LostLine> lost;
    std::vector<std::string> complaints;

    /// The moves alone show what is there.
    void compare(const track::LiveSocket& socket) {
        if (state_by_moves(socket.who.id) != socket.state)
            complain(socket.who, "counted in another state than it is in");
    }
    void expect_none_left() {
        for (const auto& [id, state] : counted_in_)
            if (state) complaints.push_back("still counted after the end");
    }

    [[nodiscard]] std::vector<synth::Outcome> outcomes() const {
        std::vector<synth::Outcome> list;
        for (const track::ConnectionId id : order_) list.push_back(by_id_.at(id));
        return list;
    }

private:
    synth::Outcome& outcome(const track::ConnectionIdentity& who) {
        const auto [found, is_new] = by_id_.try_emplace(who.id);
        synth::Outcome& o = found->second;
        if (is_new)
            order_.push_back(who.id);
        else if (o.tuple != who.tuple &&
                 (o.tuple.local.port != 0 || o.tuple.remote != who.tuple.remote))
            complain(o, "the four-tuple changed between two lines");
        o.netns = who.netns;
        o.tuple = who.tuple;
        o.cookie = who.cookie;
        o.role = who.role;
        o.process = who.process;
        o.closed_by = who.closed_by;
        o.uid = who.uid;
        o.cgroup = who.cgroup;
        return o;
    }
    void complain(const synth::Outcome& o, const std::string& what) {
        complaints.push_back(what + ": " + describe(o));
    }
    void complain(const track::ConnectionIdentity& who, const std::string& what) {
        complaints.push_back(what + ": cookie " + std::to_string(who.cookie));
    }
    [[nodiscard]] tcp::State state_by_moves(track::ConnectionId id) const {
        const auto counted = counted_in_.find(id);
        return counted == counted_in_.end() ? tcp::State::CLOSE
                                            : counted->second.value_or(tcp::State::CLOSE);
    }

    std::map<track::ConnectionId, synth::Outcome> by_id_;
    std::vector<track::ConnectionId> order_;
    std::map<track::ConnectionId, std::optional<tcp::State>> counted_in_; ///< by the moves
};

/// A tracker with its decoder and collector, fed record by record; time goes on in small steps
/// between them.
class TrackerRun {
public:
    explicit TrackerRun(track::TrackerOptions options = {}) : tracker(collector, options) {
        feed({synth::kTestClock.mono,
              encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)});
    }

    void feed(const synth::WireRecord& record) {
        pass_time(record.at);
        if (const auto event = decoder_.decode(record.bytes)) tracker.on_event(*event);
        now_ = std::max(now_, record.at);
    }
    void feed(const event::Event& event, MonoTime at) {
        feed({at, encode(event, synth::kTestClock)});
    }
    void feed(std::span<const synth::WireRecord> records) {
        for (const synth::WireRecord& record : records) feed(record);
    }
    /// Up to, but not including, `until`; in steps of 5 ms as long as anything can be pending.
    void pass_time(MonoTime until) {
        using namespace std::chrono_literals;
        for (MonoTime t = now_ + 5ms; t < until && t < now_ + 100ms; t += 5ms)
            tracker.advance_to(t);
        if (until > now_ + 100ms) tracker.advance_to(until - 1ns);
        now_ = std::max(now_, until);
    }
    /// Lets what is pending be decided, then ends the run.
    void finish() {
        pass_time(now_ + std::chrono::milliseconds(100));
        live_before_finish = tracker.live();
        tracker.for_each_live([&](const track::LiveSocket& s) { collector.compare(s); });
        tracker.finish(now_);
        collector.expect_none_left();
    }
    [[nodiscard]] MonoTime now() const { return now_; }

    OutcomeCollector collector;
    track::Tracker tracker;
    std::size_t live_before_finish = 0;

private:
    event::Decoder decoder_;
    MonoTime now_ = MonoTime::min();
};

/// What one of the two lists has and the other hasn't; "" if both say the same. Neither ids nor the
/// order of different connections matter.
inline std::string difference(const std::vector<synth::Outcome>& reported,
                              const std::vector<synth::Outcome>& expected) {
    const auto sorted_text = [](const std::vector<synth::Outcome>& outcomes) {
        std::vector<std::string> list;
        for (const synth::Outcome& o : outcomes) list.push_back(describe(o));
        std::sort(list.begin(), list.end());
        return list;
    };
    const auto a = sorted_text(reported);
    const auto b = sorted_text(expected);
    std::vector<std::string> only_a;
    std::vector<std::string> only_b;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(only_a));
    std::set_difference(b.begin(), b.end(), a.begin(), a.end(), std::back_inserter(only_b));
    std::string text;
    for (const std::string& outcome : only_a) text += "\ntold:     " + outcome;
    for (const std::string& outcome : only_b) text += "\nexpected: " + outcome;
    return text;
}

} // namespace tcpdwell::test

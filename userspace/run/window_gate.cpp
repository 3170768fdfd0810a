// SPDX-License-Identifier: Apache-2.0
#include "run/window_gate.h"

namespace tcpdwell::run {

// --- lines

void LineGate::begin(const Context& context) {
    context_ = &context;
    next().begin(context);
}

void LineGate::settled(const RunState& state) {
    end_ = state.now;
    next().settled(state);
}

Result<void> LineGate::finish() {
    if (auto done = next().finish(); !done) return done;
    if (window_.since && end_ && *end_ < *window_.since)
        return tl::unexpected(nothing_since(*window_.since, *end_, context_->clock()));
    return {};
}

void LineGate::on_move(const track::StateMove& move) {
    last_heard_ = move.at; // a connection that is given up leaves its state just before its line
    if (window_.contains(move.at)) next().on_move(move);
}

void LineGate::on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) {
    if (window_.contains(at)) next().on_learnt(who, state, at);
}

void LineGate::on_transition(const track::TransitionLine& line) {
    if (window_.contains(line.at)) next().on_transition(line);
}

bool LineGate::wants(const track::ConnectionLine& line) const {
    if (line.closed) return window_.contains(*line.closed);
    if (!end_) return window_.contains(last_heard_);
    // Still open when the recording ends.
    const bool begins_later = window_.since && *end_ < *window_.since;
    const bool ends_earlier = window_.until && *end_ >= *window_.until;
    return !begins_later && !ends_earlier;
}

void LineGate::on_connection(const track::ConnectionLine& line) {
    if (wants(line)) next().on_connection(line);
}

void LineGate::on_lost(const track::LostLine& line) {
    if (window_.contains(line.at)) next().on_lost(line);
}

void LineGate::on_counters(const track::CountersLine& line) {
    if (window_.since && line.at < *window_.since) return counters_.note(line);
    if (!window_.contains(line.at)) return;
    counters_.hand_over(line.netns, next());
    next().on_counters(line);
}

void LineGate::on_stray_reset(const track::StrayResetLine& line) {
    if (window_.contains(line.at)) next().on_stray_reset(line);
}

// --- a period

void PeriodGate::begin(const Context& context) {
    context_ = &context;
    if (since_) return;
    is_open_ = true;
    next().begin(context);
}

void PeriodGate::open(const track::Tracker& tracker) {
    is_open_ = true;
    Context context = *context_;
    const ClockAnchor& clock = context_->clock();
    context.on_event(event::ClockReading{{*since_, clock.to_wall(*since_), 0, 0}});
    next().begin(context);
    const MonoTime just_before =
        *since_ - Nanoseconds(1); // so that they are there at the very beginning
    tracker.for_each_live([&](const track::LiveSocket& socket) {
        if (socket.state == tcp::State::SYN_SENT) connecting_.insert(socket.who.id);
        next().on_move(track::StateMove{just_before, &socket.who, std::nullopt, socket.state});
    });
    counters_.hand_over_all(next());
}

Result<bool> PeriodGate::flush(const RunState& state) {
    if (!is_open_ && state.now >= *since_) open(state.tracker);
    return is_open_ ? next().flush(state) : Result<bool>(true);
}

void PeriodGate::settled(const RunState& state) {
    end_ = state.now;
    if (is_open_) next().settled(state);
}

Result<void> PeriodGate::finish() {
    if (is_open_) return next().finish();
    return tl::unexpected(nothing_since(*since_, end_, context_->clock()));
}

void PeriodGate::on_move(const track::StateMove& move) {
    if (!is_open_ || (move.born && connecting_.contains(move.who->id))) return;
    track::StateMove within = move;
    within.at = clamped(move.at);
    next().on_move(within);
}

void PeriodGate::on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) {
    if (is_open_) next().on_learnt(who, state, clamped(at));
}

void PeriodGate::on_transition(const track::TransitionLine& line) {
    if (!is_open_) return;
    const bool is_reported = line.from == tcp::State::CLOSE && connecting_.erase(line.who->id) != 0;
    if (is_reported) return;
    if (line.to == tcp::State::CLOSE && since_ && line.at < *since_)
        ended_late_.insert(line.who->id);
    next().on_transition({clamped(line.at), line.who, line.from, line.to, line.dwell});
}

void PeriodGate::on_connection(const track::ConnectionLine& line) {
    if (!is_open_) return;
    const bool ended_before = since_ && line.closed && *line.closed < *since_;
    if (ended_before && ended_late_.erase(line.who->id) == 0) return;
    next().on_connection(line);
}

void PeriodGate::on_lost(const track::LostLine& line) {
    if (is_open_) next().on_lost(line);
}

void PeriodGate::on_counters(const track::CountersLine& line) {
    if (is_open_)
        next().on_counters(line);
    else
        counters_.note(line);
}

void PeriodGate::on_stray_reset(const track::StrayResetLine& line) {
    if (is_open_) next().on_stray_reset(line);
}

} // namespace tcpdwell::run

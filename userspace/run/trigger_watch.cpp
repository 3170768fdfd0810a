// SPDX-License-Identifier: Apache-2.0
#include "run/trigger_watch.h"

#include <algorithm>

namespace tcpdwell::run {
namespace {

/// Findings cost a look at all sockets.
constexpr Nanoseconds kLookInterval = std::chrono::seconds(5);
constexpr Nanoseconds kLookAhead = std::chrono::seconds(1);
/// They are raised by what has happened since a moment that moves on.
constexpr Nanoseconds kFindingWindow = std::chrono::minutes(1);

} // namespace

TriggerWatch::TriggerWatch(std::vector<Trigger> triggers, Pull pull, const Context& context,
                           Consumer& next)
    : ForwardingConsumer(next), pull_(std::move(pull)), context_(context) {
    for (Trigger& trigger : triggers) {
        Watched watched{std::move(trigger)};
        if (const auto* rate = std::get_if<RateOfEnding>(&watched.trigger.condition))
            watched.endings.emplace(rate->per);
        watched_.push_back(std::move(watched));
    }
}

void TriggerWatch::begin(const Context& context) {
    const MonoTime now = context.clock().mono;
    const bool wants_findings = std::any_of(watched_.begin(), watched_.end(), [](const Watched& w) {
        return std::holds_alternative<FindingRaised>(w.trigger.condition);
    });
    if (wants_findings) maker_.emplace(analysis::ReportOptions{}, now);
    next_look_ = now + kLookInterval;
    next().begin(context);
}

void TriggerWatch::on_move(const track::StateMove& move) {
    if (move.from) --in_state_[*move.from];
    if (move.to)
        most_in_state_[*move.to] = std::max(most_in_state_[*move.to], ++in_state_[*move.to]);
    if (maker_) maker_->on_move(move);
    next().on_move(move);
}

void TriggerWatch::on_transition(const track::TransitionLine& line) {
    if (maker_) maker_->on_transition(line);
    next().on_transition(line);
}

void TriggerWatch::on_connection(const track::ConnectionLine& line) {
    if (maker_) maker_->on_connection(line);
    for (Watched& watched : watched_) {
        const auto* rate = std::get_if<RateOfEnding>(&watched.trigger.condition);
        if (rate != nullptr && rate->ending == line.ending && line.closed)
            watched.endings->add(*line.closed);
    }
    next().on_connection(line);
}

void TriggerWatch::on_lost(const track::LostLine& line) {
    if (maker_) maker_->on_lost(line);
    next().on_lost(line);
}

void TriggerWatch::on_counters(const track::CountersLine& line) {
    if (maker_) maker_->on_counters(line);
    next().on_counters(line);
}

void TriggerWatch::on_stray_reset(const track::StrayResetLine& line) {
    if (maker_) maker_->on_stray_reset(line);
    next().on_stray_reset(line);
}

bool TriggerWatch::wants_look(MonoTime now) {
    const bool by_next = next().wants_look(now);
    if (!maker_ || is_look_asked_ || now < next_look_ - kLookAhead) return by_next;
    is_look_asked_ = true;
    return true;
}

void TriggerWatch::look_for_findings(const RunState& state) {
    if (!maker_ || state.now < next_look_) return;
    next_look_ = state.now + kLookInterval;
    is_look_asked_ = false;
    analysis::HostFacts host;
    for (const event::Fact& fact : context_.facts()) host.on_fact(fact);
    const report::Report report = maker_->make(state.tracker, state.quality, host, context_.clock(),
                                               context_.cgroup_names(), state.now);
    findings_.clear();
    const report::Section* section = report.find("findings");
    if (section != nullptr)
        for (const report::Finding& finding : std::get<report::Findings>(section->body).list)
            findings_.emplace_back(finding.id);
    if (state.now - maker_->begin() >= kFindingWindow) maker_->next_interval(state.now);
}

bool TriggerWatch::holds(Watched& watched, MonoTime now) {
    if (const auto* sockets = std::get_if<SocketsInState>(&watched.trigger.condition))
        return most_in_state_[sockets->state] > sockets->limit;
    if (const auto* rate = std::get_if<RateOfEnding>(&watched.trigger.condition))
        return watched.endings->count(now) > rate->limit;
    const auto& raised = std::get<FindingRaised>(watched.trigger.condition);
    return std::find(findings_.begin(), findings_.end(), raised.id) != findings_.end();
}

Result<bool> TriggerWatch::flush(const RunState& state) {
    auto open = next().flush(state);
    look_for_findings(state);
    for (Watched& watched : watched_) {
        const bool was = std::exchange(watched.is_true, holds(watched, state.now));
        if (watched.is_true && !was) pull_(watched.trigger.text);
    }
    most_in_state_ = in_state_;
    return open;
}

} // namespace tcpdwell::run

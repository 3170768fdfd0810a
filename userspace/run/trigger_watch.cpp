// SPDX-License-Identifier: Apache-2.0
#include "run/trigger_watch.h"

#include <algorithm>
#include <utility>

namespace tcpdwell::run {
namespace {

/// Findings cost a look at all sockets.
constexpr Nanoseconds kLookInterval = std::chrono::seconds(5);
constexpr Nanoseconds kLookAhead = std::chrono::seconds(1);
/// They are raised by what has happened in half of this at least.
constexpr Nanoseconds kFindingWindow = std::chrono::minutes(2);

std::vector<std::string> findings_of(const report::Report& report) {
    std::vector<std::string> ids;
    if (const report::Section* section = report.find("findings"))
        for (const report::Finding& finding : std::get<report::Findings>(section->body).list)
            ids.emplace_back(finding.id);
    return ids;
}

bool is_among(const std::vector<std::string>& findings, const Trigger& trigger) {
    const auto* raised = std::get_if<FindingRaised>(&trigger.condition);
    return raised != nullptr &&
           std::find(findings.begin(), findings.end(), raised->id) != findings.end();
}

} // namespace

TriggerWatch::TriggerWatch(std::vector<Trigger> triggers, Pull pull, analysis::ReportOptions report,
                           const Context& context, Consumer& next)
    : ForwardingConsumer(next), pull_(std::move(pull)), context_(context),
      report_options_(std::move(report)) {
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
    if (wants_findings) {
        reports_.emplace(report_options_, kFindingWindow, context_);
        reports_->begin(now);
    }
    next_look_ = now + kLookInterval;
    next().begin(context);
}

void TriggerWatch::on_move(const track::StateMove& move) {
    if (move.from) --in_state_[*move.from];
    if (move.to)
        most_in_state_[*move.to] = std::max(most_in_state_[*move.to], ++in_state_[*move.to]);
    if (reports_) reports_->on_move(move);
    next().on_move(move);
}

void TriggerWatch::on_transition(const track::TransitionLine& line) {
    if (reports_) reports_->on_transition(line);
    next().on_transition(line);
}

void TriggerWatch::on_connection(const track::ConnectionLine& line) {
    if (reports_) reports_->on_connection(line);
    for (Watched& watched : watched_) {
        const auto* rate = std::get_if<RateOfEnding>(&watched.trigger.condition);
        if (rate != nullptr && rate->ending == line.ending && line.closed)
            watched.endings->add(*line.closed);
    }
    next().on_connection(line);
}

void TriggerWatch::on_lost(const track::LostLine& line) {
    if (reports_) reports_->on_lost(line);
    next().on_lost(line);
}

void TriggerWatch::on_counters(const track::CountersLine& line) {
    if (reports_) reports_->on_counters(line);
    next().on_counters(line);
}

void TriggerWatch::on_stray_reset(const track::StrayResetLine& line) {
    if (reports_) reports_->on_stray_reset(line);
    next().on_stray_reset(line);
}

bool TriggerWatch::wants_look(MonoTime now) {
    const bool by_next = next().wants_look(now);
    if (!reports_ || is_look_asked_ || now < next_look_ - kLookAhead) return by_next;
    is_look_asked_ = true;
    return true;
}

void TriggerWatch::look_for_findings(const RunState& state) {
    if (!reports_ || state.now < next_look_) return;
    next_look_ = state.now + kLookInterval;
    is_look_asked_ = false;
    reports_->advance(state);
    findings_ = findings_of(reports_->make(state));
}

void TriggerWatch::on_report(const report::Report& report) { in_report_ = findings_of(report); }

void TriggerWatch::set_report_options(analysis::ReportOptions report) {
    report_options_ = std::move(report);
    if (reports_) reports_->set_options(report_options_, kFindingWindow);
}

bool TriggerWatch::holds(Watched& watched, MonoTime now) {
    if (const auto* sockets = std::get_if<SocketsInState>(&watched.trigger.condition))
        return most_in_state_[sockets->state] > sockets->limit;
    if (const auto* rate = std::get_if<RateOfEnding>(&watched.trigger.condition))
        return watched.endings->count(now) > rate->limit;
    return is_among(findings_, watched.trigger);
}

/// What holds here has been saved: that it comes into the longer report as well is nothing new.
void TriggerWatch::pull_what_has_become_true(MonoTime now) {
    for (Watched& watched : watched_) {
        const bool was = std::exchange(watched.is_true, holds(watched, now));
        const bool was_in_report =
            std::exchange(watched.is_in_report, is_among(in_report_, watched.trigger));
        if (watched.is_true ? !was : watched.is_in_report && !was_in_report)
            pull_(watched.trigger.text);
    }
}

Result<bool> TriggerWatch::flush(const RunState& state) {
    auto open = next().flush(state);
    look_for_findings(state);
    pull_what_has_become_true(state.now);
    most_in_state_ = in_state_;
    return open;
}

} // namespace tcpdwell::run

// SPDX-License-Identifier: Apache-2.0
#include "cli/report_consumer.h"

#include <fmt/format.h>

#include "base/counted.h"

namespace tcpdwell::cli {

ReportConsumer::ReportConsumer(analysis::ReportOptions options, std::optional<Nanoseconds> interval,
                               const run::Context& context, Sink sink, bool shows_progress)
    : options_(std::move(options)), interval_(interval), context_(context), sink_(std::move(sink)),
      progress_(shows_progress) {}

void ReportConsumer::begin(const run::Context& context) {
    maker_.emplace(std::move(options_), context.clock().mono);
}

report::Report ReportConsumer::make(const run::RunState& state) {
    analysis::HostFacts host;
    for (const event::Fact& fact : context_.facts()) host.on_fact(fact);
    return maker_->make(state.tracker, state.quality, host, context_.clock(),
                        context_.cgroup_names(), state.now);
}

Result<bool> ReportConsumer::flush(const run::RunState& state) {
    if (interval_ && state.now - maker_->begin() >= *interval_) {
        report::Report report = make(state);
        maker_->next_interval(state.now);
        is_look_asked_ = false;
        progress_.clear();
        const auto wanted = sink_(std::move(report), false);
        if (!wanted) return tl::unexpected(wanted.error());
        is_wanted_ = *wanted;
    }
    const std::uint64_t lost = state.tracker.totals().lost;
    progress_.show(std::max(state.now - maker_->begin(), Nanoseconds(0)),
                   fmt::format("{} ended, {} open{}; Ctrl-C prints the report",
                               counted(maker_->ended(), "connection"),
                               counted(state.tracker.live(), "socket"),
                               lost == 0 ? "" : ", " + counted(lost, "event") + " lost"));
    return is_wanted_;
}

bool ReportConsumer::wants_look(MonoTime now) {
    constexpr Nanoseconds kAhead = std::chrono::seconds(1);
    if (!interval_ || !maker_ || is_look_asked_ || now - maker_->begin() < *interval_ - kAhead)
        return false;
    is_look_asked_ = true;
    return true;
}

void ReportConsumer::settled(const run::RunState& state) {
    last_ = make(state);
    maker_.reset(); // what the tracker now hands out as open has been counted
}

Result<void> ReportConsumer::finish() {
    progress_.clear();
    if (const auto printed = sink_(std::move(*last_), true); !printed)
        return tl::unexpected(printed.error());
    return {};
}

void ReportConsumer::on_move(const track::StateMove& move) {
    if (maker_) maker_->on_move(move);
}

void ReportConsumer::on_transition(const track::TransitionLine& line) {
    if (maker_) maker_->on_transition(line);
}

void ReportConsumer::on_connection(const track::ConnectionLine& line) {
    if (maker_) maker_->on_connection(line);
}

void ReportConsumer::on_lost(const track::LostLine& line) {
    if (maker_) maker_->on_lost(line);
}

void ReportConsumer::on_counters(const track::CountersLine& line) {
    if (maker_) maker_->on_counters(line);
}

void ReportConsumer::on_stray_reset(const track::StrayResetLine& line) {
    if (maker_) maker_->on_stray_reset(line);
}

} // namespace tcpdwell::cli

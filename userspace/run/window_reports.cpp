// SPDX-License-Identifier: Apache-2.0
#include "run/window_reports.h"

#include <algorithm>
#include <utility>

namespace tcpdwell::run {

WindowReports::WindowReports(analysis::ReportOptions options, Nanoseconds window,
                             const Context& context)
    : options_(std::move(options)), window_(window), context_(context) {}

void WindowReports::begin(MonoTime now) {
    older_ = std::make_unique<analysis::ReportMaker>(options_, now);
}

void WindowReports::set_options(analysis::ReportOptions options, Nanoseconds window) {
    options_ = std::move(options);
    window_ = window;
}

std::unique_ptr<analysis::ReportMaker> WindowReports::begin_with(const RunState& state) {
    auto maker = std::make_unique<analysis::ReportMaker>(options_, state.now);
    const MonoTime just_before = state.now - Nanoseconds(1);
    std::size_t looked_at = 0;
    state.tracker.for_each_live([&](const track::LiveSocket& socket) {
        if (++looked_at % analysis::kSocketsInOneGo == 0) options_.meanwhile();
        if (older_->counts(socket.who)) // else it isn't selected
            maker->on_move({just_before, &socket.who, std::nullopt, socket.state});
    });
    counters_.hand_over_all(*maker);
    return maker;
}

void WindowReports::advance(const RunState& state) {
    if (!older_) return;
    const Nanoseconds age = state.now - older_->begin();
    if (!newer_ && age >= window_ / 2) newer_ = begin_with(state);
    if (age >= window_) older_ = std::exchange(newer_, nullptr);
}

report::Report WindowReports::make(const RunState& state) {
    analysis::HostFacts host;
    for (const event::Fact& fact : context_.facts()) host.on_fact(fact);
    return older_->make(state.tracker, state.quality, host, context_.clock(),
                        context_.cgroup_names(), state.now);
}

void WindowReports::on_move(const track::StateMove& move) {
    for_each([&](analysis::ReportMaker& maker) {
        track::StateMove within = move; // what is reported late counts from the beginning
        within.at = std::max(move.at, maker.begin());
        maker.on_move(within);
    });
}

void WindowReports::on_transition(const track::TransitionLine& line) {
    for_each([&](analysis::ReportMaker& maker) {
        track::TransitionLine within = line;
        within.at = std::max(line.at, maker.begin());
        maker.on_transition(within);
    });
}

void WindowReports::on_connection(const track::ConnectionLine& line) {
    for_each([&](analysis::ReportMaker& maker) { maker.on_connection(line); });
}

void WindowReports::on_lost(const track::LostLine& line) {
    for_each([&](analysis::ReportMaker& maker) { maker.on_lost(line); });
}

void WindowReports::on_counters(const track::CountersLine& line) {
    counters_.note(line);
    for_each([&](analysis::ReportMaker& maker) { maker.on_counters(line); });
}

void WindowReports::on_stray_reset(const track::StrayResetLine& line) {
    for_each([&](analysis::ReportMaker& maker) { maker.on_stray_reset(line); });
}

} // namespace tcpdwell::run

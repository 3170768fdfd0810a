// SPDX-License-Identifier: Apache-2.0
#include "analysis/end_summaries.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

static_assert(sizeof(EndSummary) == 64);

bool can_leave_the_host(const tcp::FourTuple& tuple) {
    return tuple.local.port != 0 && tuple.remote.port != 0 &&
           tuple.local.address != tuple.remote.address && !tuple.local.address.is_loopback() &&
           !tuple.remote.address.is_loopback() && !tuple.local.address.is_unspecified() &&
           !tuple.remote.address.is_unspecified();
}

/// When the last state but TIME_WAIT was left.
std::optional<MonoTime> over(const track::ConnectionLine& line) {
    if (!line.closed) return std::nullopt;
    MonoTime at = *line.closed;
    for (const track::PathStep& step : line.states) {
        if (step.state != tcp::State::TIME_WAIT) continue;
        if (!step.dwell) return std::nullopt;
        at -= *step.dwell;
    }
    return at;
}

/// Between 1970 and 2116: nothing that a recording claims makes a difference of two of them
/// overflow.
std::int64_t bounded(WallTime at) {
    constexpr std::int64_t kLatest = std::int64_t{1} << 62;
    return std::clamp(at.time_since_epoch().count(), std::int64_t{0}, kLatest);
}

std::int64_t since_epoch(const std::optional<MonoTime>& at, const ClockAnchor& clock) {
    return at ? bounded(clock.to_wall(*at)) : EndSummary::kNotKnown;
}

} // namespace

void EndSummaries::add(const track::ConnectionLine& line, const ClockAnchor& clock, bool selected) {
    const track::ConnectionIdentity& who = *line.who;
    if (!can_leave_the_host(who.tuple)) return;
    if (ends_.size() >= most_) {
        ++left_out_;
        return;
    }
    addresses_.insert(who.tuple.local.address);
    EndSummary end;
    end.local = who.tuple.local;
    end.remote = who.tuple.remote;
    end.family = who.tuple.family;
    end.role = who.role;
    end.closed_first = line.closed_first;
    end.ending = line.ending;
    end.detail = line.detail;
    end.seen = line.seen;
    end.selected = selected;
    end.opened_ns = since_epoch(line.opened, clock);
    end.over_ns = since_epoch(over(line), clock);
    end.first_step = static_cast<std::uint32_t>(states_.size());
    end.steps = static_cast<std::uint8_t>(std::min<std::size_t>(line.states.size(), UINT8_MAX));
    for (const track::PathStep& step : line.states.first(end.steps)) {
        states_.push_back(step.state);
        dwells_.push_back(step.dwell ? step.dwell->count() : EndSummary::kNotKnown);
    }
    ends_.push_back(end);
}

void EndSummaries::set_span(WallTime begin, WallTime end) {
    begin_ = WallTime(Nanoseconds(bounded(begin)));
    end_ = WallTime(Nanoseconds(bounded(end)));
}

std::vector<track::PathStep> EndSummaries::states(const EndSummary& end) const {
    std::vector<track::PathStep> path;
    for (std::size_t i = end.first_step; i < end.first_step + std::size_t{end.steps}; ++i)
        path.push_back({states_[i], dwells_[i] == EndSummary::kNotKnown
                                        ? std::nullopt
                                        : std::optional(Nanoseconds(dwells_[i]))});
    return path;
}

std::optional<Nanoseconds> EndSummaries::time_in(const EndSummary& end, tcp::State state) const {
    std::optional<Nanoseconds> sum;
    for (const track::PathStep& step : states(end)) {
        if (step.state != state) continue;
        if (!step.dwell) return std::nullopt;
        sum = sum.value_or(Nanoseconds(0)) + *step.dwell;
    }
    return sum;
}

bool EndSummaries::has_been_in(const EndSummary& end, tcp::State state) const {
    const auto first = states_.begin() + end.first_step;
    return std::find(first, first + end.steps, state) != first + end.steps;
}

} // namespace tcpdwell::analysis

// SPDX-License-Identifier: Apache-2.0
#include "run/selection.h"

#include <algorithm>

namespace tcpdwell::run {

bool Selection::matches(const event::Filter& filter, const track::ConnectionIdentity& who) const {
    std::optional<std::string_view> cgroup;
    if (!filter.cgroups.empty()) cgroup = context_.cgroup(who.cgroup);
    std::optional<std::string_view> container;
    if (!filter.containers.empty()) container = context_.container(who.cgroup);
    return filter.matches(event::FilterSubject{who.tuple, who.netns, who.role, who.process,
                                               who.closed_by, cgroup, who.id, &context_.processes(),
                                               container});
}

bool Selection::is_recorded(const track::ConnectionIdentity& who) const {
    return recorded_.empty() || std::any_of(recorded_.begin(), recorded_.end(),
                                            [&](const auto& each) { return matches(each, who); });
}

bool Selection::selects(const track::ConnectionIdentity& who) const {
    return matches(filter_, who) && is_recorded(who);
}

track::TrackerTotals Selection::selected(track::TrackerTotals seen) {
    if (&entrance() != this) return seen;
    seen.transitions = transitions_;
    seen.connections = connections_;
    return seen;
}

void Selection::on_move(const track::StateMove& move) {
    const track::ConnectionIdentity& who = *move.who;
    if (who.slot >= counted_.size()) counted_.resize(std::size_t{who.slot} + 1);
    track::ConnectionId& counted = counted_[who.slot];
    track::StateMove seen = move;
    if (counted != who.id) seen.from.reset();
    if (!selects(who)) seen.to.reset();
    if (!seen.from && !seen.to) return;
    counted = seen.to ? who.id : 0;
    next().on_move(seen);
}

void Selection::on_transition(const track::TransitionLine& line) {
    if (!selects(*line.who)) return;
    ++transitions_;
    next().on_transition(line);
}

void Selection::on_connection(const track::ConnectionLine& line) {
    if (!selects(*line.who)) return;
    if (!line.evicted) ++connections_;
    next().on_connection(line);
}

void Selection::on_counters(const track::CountersLine& line) {
    if (filter_.netns.selects([&](std::uint32_t netns) { return netns == line.netns; }))
        next().on_counters(line);
}

void Selection::on_stray_reset(const track::StrayResetLine& line) {
    track::ConnectionIdentity who;
    who.netns = line.netns;
    who.tuple = line.tuple;
    if (selects(who)) next().on_stray_reset(line);
}

} // namespace tcpdwell::run

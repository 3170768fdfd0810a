// SPDX-License-Identifier: Apache-2.0
#include "run/selection.h"

#include <algorithm>

namespace tcpdwell::run {

namespace {

bool goes_by_names(const event::Filter& filter) {
    return !filter.cgroups.empty() || !filter.containers.empty();
}

} // namespace

Selection::Selection(event::Filter filter, const Context& context, Consumer& next,
                     std::vector<event::Filter> recorded)
    : ForwardingConsumer(next), filter_(std::move(filter)), recorded_(std::move(recorded)),
      context_(context),
      goes_by_names_(goes_by_names(filter_) || std::ranges::any_of(recorded_, goes_by_names)) {}

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

void Selection::on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) {
    const bool counts = is_counted(who);
    if (selects(who) != counts)
        on_move({at, &who, state, state});
    else if (counts)
        next().on_learnt(who, state, at);
}

void Selection::review(const RunState& state) {
    if (!goes_by_names_ || names_learnt_ == context_.names_learnt()) return;
    names_learnt_ = context_.names_learnt();
    state.tracker.for_each_live([&](const track::LiveSocket& socket) {
        // The move that begins it may be still to come.
        if (socket.state == tcp::State::SYN_SENT && socket.who.tuple.local.port == 0) return;
        on_learnt(socket.who, socket.state, state.now);
    });
}

Result<bool> Selection::flush(const RunState& state) {
    review(state);
    return ForwardingConsumer::flush(state);
}

void Selection::settled(const RunState& state) {
    review(state);
    ForwardingConsumer::settled(state);
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

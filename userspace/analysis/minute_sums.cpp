// SPDX-License-Identifier: Apache-2.0
#include "analysis/minute_sums.h"

#include <algorithm>
#include <utility>

#include "analysis/flows.h"
#include "base/hash.h"
#include "base/text.h"

namespace tcpdwell::analysis {
namespace {

constexpr Nanoseconds kMinute = std::chrono::minutes(1);
constexpr Nanoseconds kLongestQuiet = std::chrono::hours(24);
constexpr std::string_view kOther = "other";

/// The end of the minute of the clock that `at` is in. In its last second that is the next one: by
/// a later reading of the clock the end of a minute is some 100 ns before or after it, which makes
/// no minute. A clock that is set all the time makes no more rows than one a second.
MonoTime end_of_minute(MonoTime at, const ClockAnchor& clock) {
    constexpr Nanoseconds kShortest = std::chrono::seconds(1);
    const WallTime wall = roundable(clock.to_wall(at));
    const Nanoseconds left = kMinute - (wall - std::chrono::floor<std::chrono::minutes>(wall));
    return shifted(at, left < kShortest ? left + kMinute : left);
}

} // namespace

std::size_t MinuteSums::KeyHash::operator()(const Key& key) const {
    const std::uint64_t container = std::hash<std::string_view>()(key.container);
    const std::uint64_t port_and_role = mix64(key.port ^ mix64(index_of(key.role)));
    return mix64(key.comm, mix64(container ^ port_and_role));
}

void MinuteSums::begin(MonoTime at, const ClockAnchor& clock) {
    begin_ = at;
    end_ = end_of_minute(at, clock);
}

void MinuteSums::advance(MonoTime now, const ClockAnchor& clock,
                         const std::function<void(const MinuteRow&)>& visit) {
    while (now >= end_) {
        const bool is_quiet = time_between(end_, now) > kLongestQuiet;
        const MonoTime end = is_quiet ? now : end_;
        hand_out(end, visit);
        end_ = end_of_minute(end, clock);
    }
}

void MinuteSums::finish(MonoTime now, const std::function<void(const MinuteRow&)>& visit) {
    if (now > begin_) hand_out(now, visit);
}

void MinuteSums::hand_out(MonoTime end, const std::function<void(const MinuteRow&)>& visit) {
    for (std::uint32_t index = 0; index < groups_.size(); ++index) {
        Group& group = groups_[index];
        if (!group.is_used) continue;
        for (const tcp::State state : kAllOf<tcp::State>) {
            StateSums& sums = group.states[state];
            if (sums.is_empty()) continue;
            visit({begin_, end, group.service, group.key.container, group.key.role, state, sums});
            Gauge held = sums.held;
            held.restart(end);
            sums = {};
            sums.held = held;
        }
        if (group.sockets > 0) continue;
        index_.erase(group.key);
        group = {};
        free_.push_back(index);
    }
    begin_ = end;
}

std::uint32_t& MinuteSums::entry_of(const track::ConnectionIdentity& who) {
    if (who.slot >= groups_by_slot_.size()) groups_by_slot_.resize(std::size_t{who.slot} + 1);
    return groups_by_slot_[who.slot];
}

std::uint32_t MinuteSums::group_of(const track::ConnectionIdentity& who) {
    Key key;
    key.role = who.role;
    if (who.process) key.comm = who.process->comm_bytes;
    if (who.role == tcp::Role::server) key.port = who.tuple.local.port;
    if (container_ && who.cgroup != 0) key.container = container_(who.cgroup).value_or("");
    const auto known = index_.find(key);
    if (known != index_.end()) return known->second;
    const bool is_full = index_.size() >= kMostGroups;
    if (is_full) { // a group for each role: three more than kMostGroups at most
        key = {};
        key.role = who.role;
        kOther.copy(key.comm.data(), key.comm.size());
        key.port = 1; // which no program that connects has
        if (const auto other = index_.find(key); other != index_.end()) return other->second;
    }
    std::uint32_t index = 0;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(groups_.size());
        groups_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    Group& group = groups_[index];
    group.service = is_full ? std::string(kOther) : service_text(who);
    group.is_used = true;
    index_.emplace(key, index);
    group.key = std::move(key);
    return index;
}

void MinuteSums::on_move(const track::StateMove& move) {
    if (move.is_listener()) return;
    const track::ConnectionIdentity& who = *move.who;
    std::uint32_t& entry = entry_of(who);
    const MonoTime at = counted_at(move.at);
    const bool is_new = entry == 0;
    if (is_new && !move.to) return;
    if (!is_new && move.from) groups_[entry - 1].states[*move.from].held.leave(at);
    if (is_new || Flows::may_have_learnt(move)) {
        if (!is_new) --groups_[entry - 1].sockets;
        entry = group_of(who) + 1;
        ++groups_[entry - 1].sockets;
    }
    Group& group = groups_[entry - 1];
    if (move.to) {
        StateSums& to = group.states[*move.to];
        to.held.enter(at);
        if (is_new ? move.born : move.from != move.to) ++to.entered;
        if (is_new && move.born && !move.from) ++to.opened;
        return;
    }
    --group.sockets;
    entry = 0;
}

void MinuteSums::on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) {
    if (who.tuple.remote.empty()) return; // a listener
    std::uint32_t& entry = entry_of(who);
    if (entry == 0) return;
    const MonoTime counted = counted_at(at);
    groups_[entry - 1].states[state].held.leave(counted);
    --groups_[entry - 1].sockets;
    entry = group_of(who) + 1;
    ++groups_[entry - 1].sockets;
    groups_[entry - 1].states[state].held.enter(counted);
}

void MinuteSums::on_transition(const track::TransitionLine& line) {
    if (!line.dwell || line.who->tuple.remote.empty()) return;
    // Where it is counted, if it is there still: that needs no look-up by its names.
    const std::uint32_t entry = entry_of(*line.who);
    const std::uint32_t group = entry != 0 ? entry - 1 : group_of(*line.who);
    groups_[group].states[line.from].dwell.record(*line.dwell);
}

void MinuteSums::on_connection(const track::ConnectionLine& line) {
    if (line.evicted || line.ending == tcp::Ending::open || line.who->tuple.remote.empty() ||
        line.states.empty())
        return;
    std::vector<EndedCount>& ended =
        groups_[group_of(*line.who)].states[line.states.back().state].ended;
    const auto known = std::ranges::find_if(ended, [&](const EndedCount& each) {
        return each.closed_first == line.closed_first && each.ending == line.ending;
    });
    if (known != ended.end())
        ++known->connections;
    else
        ended.push_back({line.closed_first, line.ending, 1});
}

} // namespace tcpdwell::analysis

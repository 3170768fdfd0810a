// SPDX-License-Identifier: Apache-2.0
#include "analysis/listener_times.h"

#include <algorithm>

#include "tcp/listener_index.h"

namespace tcpdwell::analysis {
namespace {

/// Sockets of one program for IPv4 and IPv6 begin and end so near to each other.
constexpr Nanoseconds kTogether = std::chrono::seconds(1);

/// Whether somebody may have listened at the other endpoint while nobody did at this one.
bool may_fill_gaps_of(const ListenerTimes::Times& other, const ListenerTimes::Times& times) {
    const bool has_begun_before =
        other.open > 0 && (!other.since || !times.since || *other.since + kTogether < *times.since);
    const bool has_ended_after =
        other.absent && (!times.absent || *other.absent > *times.absent + kTogether);
    return has_begun_before || has_ended_after;
}

} // namespace

void ListenerTimes::on_move(const track::StateMove& move, Weight) {
    if (!move.is_listener() || (move.from && move.to)) return;
    const track::ConnectionIdentity& who = *move.who;
    const Key key{who.netns, who.tuple.local.port, who.tuple.local.address};
    if (all_.size() >= kMostEndpoints && !all_.contains(key)) return;
    Times& times = all_[key];
    times.family = who.tuple.family;
    if (move.to) {
        times.process = who.process;
        if (times.open++ > 0) return;
        times.since = move.born ? std::optional(move.at) : std::nullopt;
        return;
    }
    times.ended = move.at;
    times.open -= std::min(times.open, 1u);
    if (times.open > 0) return;
    times.since.reset();
    ++times.absences;
    times.absent = move.at;
    times.absent_of = who.process;
    times.absent_by = who.closed_by;
    times.absent_how = move.closed_how;
}

/// Whose a listed one is isn't known before its owner is found.
void ListenerTimes::on_live(const track::LiveSocket& socket, Weight) {
    if (socket.state != tcp::State::LISTEN || !socket.who.process) return;
    const tcp::Endpoint& local = socket.who.tuple.local;
    const auto found = all_.find({socket.who.netns, local.port, local.address});
    if (found != all_.end() && !found->second.process) found->second.process = socket.who.process;
}

/// Those that nobody has listened at in all of the last interval make room.
void ListenerTimes::next_interval(MonoTime now) {
    std::erase_if(all_, [&](const auto& each) {
        return each.second.open == 0 && each.second.ended && *each.second.ended < begin_;
    });
    for (auto& [key, times] : all_) times.absences = 0;
    begin_ = now;
}

/// As the kernel prefers them.
template <class Call>
void ListenerTimes::for_each_at(std::uint32_t netns, const tcp::Endpoint& at, Call call) const {
    const auto call_if_known = [&](const tcp::IpAddress& address) {
        const auto found = all_.find({netns, at.port, address});
        if (found != all_.end()) call(found->second);
    };
    call_if_known(at.address);
    for (const tcp::IpAddress& wildcard : tcp::ListenerIndex<Times>::wildcards_for(at.address))
        if (wildcard != at.address) call_if_known(wildcard);
}

const ListenerTimes::Times* ListenerTimes::find(std::uint32_t netns,
                                                const tcp::Endpoint& at) const {
    const Times* first = nullptr;
    bool is_clear = true;
    for_each_at(netns, at, [&](const Times& times) {
        if (first)
            is_clear = is_clear && !may_fill_gaps_of(times, *first);
        else
            first = &times;
    });
    return is_clear ? first : nullptr;
}

bool ListenerTimes::have_been(std::uint32_t netns, const tcp::Endpoint& at) const {
    bool found = false;
    for_each_at(netns, at, [&](const Times&) { found = true; });
    return found;
}

std::set<std::uint32_t> ListenerTimes::namespaces_at(const tcp::Endpoint& at) const {
    std::set<std::uint32_t> found;
    for (auto it = all_.begin(); it != all_.end();) {
        const std::uint32_t netns = std::get<0>(it->first);
        if (all_.contains({netns, at.port, at.address})) found.insert(netns);
        constexpr tcp::Port kLast = 65535;
        tcp::IpAddress greatest;
        greatest.bytes.fill(0xff);
        it = all_.upper_bound({netns, kLast, greatest});
    }
    return found;
}

ListenerTimes::Map::const_iterator ListenerTimes::open_at_port(std::uint32_t netns,
                                                               tcp::Port port) const {
    const auto end = all_.end();
    for (auto it = all_.lower_bound({netns, port, tcp::IpAddress{}});
         it != end && std::get<0>(it->first) == netns && std::get<1>(it->first) == port; ++it)
        if (it->second.open > 0) return it;
    return end;
}

} // namespace tcpdwell::analysis

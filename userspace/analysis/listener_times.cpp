// SPDX-License-Identifier: Apache-2.0
#include "analysis/listener_times.h"

#include <algorithm>

namespace tcpdwell::analysis {

void ListenerTimes::on_move(const track::StateMove& move, Weight) {
    if (!move.is_listener()) return;
    const track::ConnectionIdentity& who = *move.who;
    if (!index_.find(who.netns, who.tuple.local) && index_.size() >= kMostEndpoints) return;
    Times& times = index_.at(who.netns, who.tuple.local);
    times.family = who.tuple.family;
    if (!move.to) {
        times.open -= std::min(times.open, 1u);
        ++times.ends;
        times.ended = move.at;
        times.ended_of = who.process;
    } else if (!move.from) {
        ++times.open;
        times.began = move.born ? std::optional(move.at) : std::nullopt;
        times.process = who.process;
    }
}

/// Whose a listed one is isn't known before its owner is found.
void ListenerTimes::on_live(const track::LiveSocket& socket, Weight) {
    const track::ConnectionIdentity& who = socket.who;
    if (socket.state != tcp::State::LISTEN || !who.process ||
        !index_.find(who.netns, who.tuple.local))
        return;
    Times& times = index_.at(who.netns, who.tuple.local);
    if (!times.process) times.process = who.process;
}

const ListenerTimes::Times* ListenerTimes::find(std::uint32_t netns,
                                                const tcp::Endpoint& at) const {
    const auto* const port = index_.at_port(netns, at.port);
    if (!port) return nullptr;
    const Times* found = port->find(at.address);
    for (const tcp::IpAddress& wildcard : index_.wildcards_for(at.address))
        if (!found) found = port->find(wildcard);
    return found;
}

std::vector<std::pair<tcp::IpAddress, const ListenerTimes::Times*>>
ListenerTimes::open_at_port(std::uint32_t netns, tcp::Port port) const {
    std::vector<std::pair<tcp::IpAddress, const Times*>> found;
    const auto* const all = index_.at_port(netns, port);
    if (!all) return found;
    for (const auto& [address, times] : all->all())
        if (times.open > 0) found.emplace_back(address, &times);
    std::ranges::sort(found, {}, [](const auto& each) { return each.first.bytes; });
    return found;
}

} // namespace tcpdwell::analysis

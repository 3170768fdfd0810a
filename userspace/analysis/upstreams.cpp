// SPDX-License-Identifier: Apache-2.0
#include "analysis/upstreams.h"

#include "analysis/likely_client.h"

namespace tcpdwell::analysis {

/// Which end is the server's may be a guess. Only where both ends agree on it, anything comes of
/// it.
void Upstreams::note_ends(const track::ConnectionIdentity& who) {
    const std::uint32_t pid = who.process->pid;
    const tcp::FourTuple& ends = who.tuple;
    if (!is_likely_client(who.role, ends.local.port, ends.remote.port)) {
        const Served key = served(who.netns, ends.local);
        if (served_.size() < kMostProcesses || served_.contains(key)) note_some(served_[key], pid);
    } else if (asked_.size() < kMostProcesses || asked_.contains(pid)) {
        note_some(asked_[pid], served(who.netns, ends.remote));
    }
}

void Upstreams::on_live(const track::LiveSocket& socket, Weight) {
    const track::ConnectionIdentity& who = socket.who;
    if (!who.process || who.process->pid == 0) return;
    if (socket.state == tcp::State::TIME_WAIT || socket.state == tcp::State::LISTEN) return;
    note_ends(who);
    if (who.role != tcp::Role::client) return;
    if (by_pid_.size() >= kMostProcesses && !by_pid_.contains(who.process->pid)) return;
    Scope& upstream = by_pid_[who.process->pid];
    upstream.netns = who.netns;
    note_some(upstream.remotes, who.tuple.remote);
}

Scope Upstreams::of(const std::set<std::uint32_t>& pids) const {
    Scope all;
    for (const std::uint32_t pid : pids)
        if (const auto found = by_pid_.find(pid); found != by_pid_.end()) all.add(found->second);
    return all;
}

std::set<std::uint32_t> Upstreams::servers_of(const std::set<std::uint32_t>& pids) const {
    std::set<std::uint32_t> servers;
    for (const std::uint32_t pid : pids) {
        const auto asked = asked_.find(pid);
        if (asked == asked_.end()) continue;
        for (const Served& endpoint : asked->second)
            if (const auto found = served_.find(endpoint); found != served_.end())
                servers.insert(found->second.begin(), found->second.end());
    }
    return servers;
}

} // namespace tcpdwell::analysis

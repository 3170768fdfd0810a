// SPDX-License-Identifier: Apache-2.0
#include "analysis/upstreams.h"

namespace tcpdwell::analysis {

void Upstreams::on_live(const track::LiveSocket& socket, Weight) {
    const track::ConnectionIdentity& who = socket.who;
    if (who.role != tcp::Role::client || !who.process || who.process->pid == 0) return;
    if (socket.state == tcp::State::TIME_WAIT) return;
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

} // namespace tcpdwell::analysis

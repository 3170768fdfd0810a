// SPDX-License-Identifier: Apache-2.0
// What findings are about, as far as it links them.
#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {

Scope scope_of(const HeldSockets& holding) {
    Scope scope{.netns = holding.netns,
                .services = holding.services,
                .remotes = holding.remotes,
                .pids = {},
                .connections = holding.old,
                .first = {},
                .last = holding.seen_at,
                .began = holding.began,
                .is_began_seen = holding.is_began_seen,
                .answered = {},
                .overflows = {},
                .accepted = {},
                .closings = holding.closings};
    for (const event::Process& each : holding.processes) scope.add_pid(each.pid);
    return scope;
}

namespace {

/// At the addresses that it was reached at, or as it listens where none are known.
std::set<tcp::Endpoint> places_of(const tcp::Endpoint& listener,
                                  const std::set<tcp::IpAddress>& addresses) {
    std::set<tcp::Endpoint> places;
    for (const tcp::IpAddress& each : addresses) places.insert({each, listener.port});
    if (places.empty()) places.insert(listener);
    return places;
}

} // namespace

Scope scope_of(const PartyEnds& ends, const CauseFacts& facts) {
    Scope scope{.netns = ends.party.netns,
                .services = {},
                .remotes = {},
                .pids = {},
                .connections = facts.count,
                .first = facts.first,
                .last = facts.last,
                .began = facts.first,
                .is_began_seen = true,
                .answered = facts.answered,
                .overflows = {},
                .accepted = {},
                .closings = facts.closings};
    if (ends.party.role == tcp::Role::server)
        scope.services = places_of(ends.party.endpoint, ends.addresses);
    else
        scope.remotes = {ends.party.endpoint};
    if (ends.process) scope.add_pid(ends.process->pid);
    return scope;
}

namespace {

/// Others waited as long before those that wait now.
bool has_been_slow(const AcceptQueue& queue) {
    return std::max(queue.delays.max(), queue.live_delays.max()) >= std::chrono::seconds(1);
}

} // namespace

Scope scope_of(const AcceptQueue& queue) {
    Scope scope{.netns = queue.netns,
                .services = places_of(queue.local, queue.addresses),
                .remotes = {},
                .pids = {},
                .connections = queue.waiting,
                .first = has_been_slow(queue) ? queue.since : std::nullopt,
                .last = queue.seen_at,
                .began = queue.since,
                .is_began_seen = queue.oldest_is_exact && !has_been_slow(queue),
                .answered = {},
                .overflows = {},
                .accepted = queue.prompt.list(),
                .closings = {}};
    for (const event::Process& each : queue.who_accepts()) scope.add_pid(each.pid);
    for (const QueueSocket* socket : queue.busy_sockets()) {
        if (socket->process) scope.add_pid(socket->process->pid);
        for (const event::Process& each : socket->holders) scope.add_pid(each.pid);
    }
    return scope;
}

} // namespace tcpdwell::analysis

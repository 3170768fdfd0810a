// SPDX-License-Identifier: Apache-2.0
#include "analysis/scope.h"

#include <algorithm>

namespace tcpdwell::analysis {

void Scope::add(const Scope& other) {
    netns = other.netns;
    is_began_seen = other.is_began_seen && (is_began_seen || connections == 0);
    if (!began || (other.began && *other.began < *began)) began = other.began;
    for (const tcp::Endpoint& each : other.services) note_some(services, each);
    for (const tcp::Endpoint& each : other.remotes) note_some(remotes, each);
    for (const std::uint32_t each : other.pids) note_some(pids, each);
    connections += other.connections;
    if (!first || (other.first && *other.first < *first)) first = other.first;
    if (!last || (other.last && *other.last > *last)) last = other.last;
}

void Scope::add_pid(std::uint32_t pid) {
    if (pid != 0) note_some(pids, pid);
}

bool connects_to(const Scope& client, const Scope& server) {
    const bool within = client.netns == server.netns;
    return std::ranges::any_of(client.remotes, [&](const tcp::Endpoint& remote) {
        if (server.services.contains(remote)) return within || !remote.address.is_loopback();
        return within && std::ranges::any_of(server.services, [&](const tcp::Endpoint& service) {
                   return service.port == remote.port && service.address.is_unspecified();
               });
    });
}

} // namespace tcpdwell::analysis

// SPDX-License-Identifier: Apache-2.0
#include "analysis/scope.h"

#include <algorithm>

namespace tcpdwell::analysis {

void Closings::note(const Closing& closing) {
    if (list_.size() == kMost && closing.at < list_.front().at) return;
    if (list_.size() == kMost) list_.erase(list_.begin());
    list_.insert(std::ranges::upper_bound(list_, closing.at, {}, &Closing::at), closing);
}

void Closings::forget(std::uint64_t id) {
    std::erase_if(list_, [&](const Closing& each) { return each.id == id; });
}

void Closings::add(const Closings& others) {
    for (const Closing& each : others.list_) note(each);
}

void Scope::add(const Scope& other) {
    closings.add(other.closings);
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

std::size_t closings_with(const Scope& consequence, const Scope& cause, Apart apart) {
    std::vector<Closing> causes = cause.closings.list();
    std::size_t count = 0;
    for (const Closing& each : consequence.closings.list()) {
        const auto found = std::ranges::find_if(causes, [&](const Closing& other) {
            const bool is_of_those =
                !apart.are_of_one_process || (other.pid == each.pid && each.pid != 0);
            return is_of_those && other.at >= each.at - apart.before &&
                   other.at <= each.at + apart.after;
        });
        if (found == causes.end()) continue;
        causes.erase(found);
        ++count;
    }
    return count;
}

} // namespace tcpdwell::analysis

// SPDX-License-Identifier: Apache-2.0
#include "track/connection_table.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/hash.h"

namespace tcpdwell::track {

std::uint64_t hash_of(std::uint32_t netns, const tcp::FourTuple& tuple) {
    using Words = std::array<std::uint64_t, 2>;
    const auto local = std::bit_cast<Words>(tuple.local.address.bytes);
    const auto remote = std::bit_cast<Words>(tuple.remote.address.bytes);
    const auto ports =
        std::bit_cast<std::uint32_t>(std::array{tuple.local.port, tuple.remote.port});
    const auto rest = std::bit_cast<std::uint64_t>(std::array{netns, ports});
    return mix64(local[1] ^ mix64(remote[1] ^ mix64(local[0] ^ mix64(remote[0] ^ rest))));
}

const CloseEvidence ConnectionTable::kNoEvidence;

// --- storage

Connection& ConnectionTable::create() {
    const Slot slot = slots_.take();
    Connection& c = slots_[slot];
    c.who.slot = slot;
    if (++last_sequence_ == 0) ++last_sequence_;
    c.sequence = last_sequence_;
    link_newest(c);
    ++live_;
    return c;
}

void ConnectionTable::release(Connection& c) {
    set_socket(c, 0);
    set_other(c, 0);
    forget_tuple(c);
    if (c.listener_indexed) forget_listener(c);
    if (c.evidence != 0) evidence_.give_back(c.evidence);
    if (c.details != 0) details_.give_back(c.details);
    unlink(c);
    c.sequence = 0;
    slots_.give_back(c.who.slot);
    --live_;
}

void ConnectionTable::tidy(Connection& c) {
    if (c.evidence == 0 || c.ended || path_size(c) > kUsualPath) return;
    const CloseEvidence& e = evidence_[c.evidence];
    if (e.reset_received || e.reset_sent || e.cancelled || e.request_stopped || e.restarts != 0 ||
        e.time_wait_dwell)
        return;
    evidence_.give_back(c.evidence);
    c.evidence = 0;
}

std::vector<Slot> ConnectionTable::in_order() const {
    std::vector<std::uint64_t> sorted;
    sorted.reserve(live_);
    for (Slot slot = newest_; slot != 0; slot = slots_[slot].older)
        sorted.push_back((std::uint64_t{slots_[slot].sequence} << 32) | slot);
    std::sort(sorted.begin(), sorted.end());
    std::vector<Slot> all(sorted.size());
    std::transform(sorted.begin(), sorted.end(), all.begin(),
                   [](std::uint64_t x) { return static_cast<Slot>(x); });
    return all;
}

// --- order of last use

void ConnectionTable::unlink(Connection& c) {
    (c.newer != 0 ? slots_[c.newer].older : newest_) = c.older;
    (c.older != 0 ? slots_[c.older].newer : oldest_) = c.newer;
    c.newer = c.older = 0;
}

void ConnectionTable::link_newest(Connection& c) {
    c.older = newest_;
    c.newer = 0;
    if (newest_ != 0) slots_[newest_].newer = c.who.slot;
    newest_ = c.who.slot;
    if (oldest_ == 0) oldest_ = c.who.slot;
}

void ConnectionTable::touch(Connection& c) {
    if (newest_ == c.who.slot) return;
    unlink(c);
    link_newest(c);
}

// --- the path

std::size_t ConnectionTable::path_size(const Connection& c) {
    return static_cast<std::size_t>(std::find(c.path.begin(), c.path.end(), tcp::State{}) -
                                    c.path.begin());
}

void ConnectionTable::push_path(Connection& c, tcp::State state, std::optional<Nanoseconds> dwell,
                                Nanoseconds at_least) {
    const std::size_t i = path_size(c);
    if (i == kLongestPath) return;
    c.path[i] = state;
    (i < kUsualPath ? c.dwells[i] : evidence(c).more_dwells[i - kUsualPath]) =
        dwell ? dwell->count() : unknown_dwell(at_least);
}

PathStep ConnectionTable::path_step(const Connection& c, std::size_t i) const {
    const auto dwell = i < kUsualPath ? c.dwells[i] : evidence_of(c).more_dwells[i - kUsualPath];
    if (dwell <= kUnknownDwell)
        return {c.path[i], std::nullopt, Nanoseconds(kUnknownDwell - dwell)};
    return {c.path[i], Nanoseconds(dwell)};
}

// --- by kernel address

Slot ConnectionTable::find_object(std::uint64_t address) const {
    if (address == 0) return 0;
    return objects_.find(mix64(address), [&](Slot slot) {
        const Connection& c = slots_[slot];
        return c.socket == address || c.other == address;
    });
}

Connection* ConnectionTable::by_object(std::uint64_t address) { return at(find_object(address)); }

void ConnectionTable::set_object(Connection& c, std::uint64_t& object, std::uint64_t address) {
    if (object == address) return;
    if (object != 0) objects_.erase(mix64(object), c.who.slot);
    object = 0;
    if (address == 0) return;
    // The connection that had this address before no longer owns it.
    if (const Slot old = find_object(address)) objects_.erase(mix64(address), old);
    object = address;
    objects_.insert(mix64(address), c.who.slot);
}

// --- by four-tuple

/// Namespace and four-tuple without the family: a v4-mapped socket and its IPv4 mini-socket are the
/// same connection.
Slot ConnectionTable::find_tuple(std::uint64_t hash, std::uint32_t netns,
                                 const tcp::FourTuple& tuple) const {
    return tuples_.find(hash, [&](Slot slot) {
        const ConnectionIdentity& who = slots_[slot].who;
        return who.netns == netns && who.tuple.local == tuple.local &&
               who.tuple.remote == tuple.remote;
    });
}

Connection* ConnectionTable::by_tuple(std::uint32_t netns, const tcp::FourTuple& tuple) {
    return at(find_tuple(hash_of(netns, tuple), netns, tuple));
}

void ConnectionTable::index_tuple(Connection& c) {
    if (c.who.tuple.local.port == 0 || c.who.tuple.remote.empty()) return;
    const std::uint64_t hash = hash_of(c.who.netns, c.who.tuple);
    const Slot owner = find_tuple(hash, c.who.netns, c.who.tuple);
    if (owner == c.who.slot) return;
    if (owner != 0) tuples_.erase(hash, owner);
    tuples_.insert(hash, c.who.slot);
}

void ConnectionTable::forget_tuple(const Connection& c) {
    tuples_.erase(hash_of(c.who.netns, c.who.tuple), c.who.slot);
}

// --- listeners

void ConnectionTable::index_listener(Connection& c) {
    const ListenerPlace place{last_listener_number_ + 1, c.who.netns, c.who.tuple.local};
    if (c.listener_indexed) return;
    c.listener_indexed = true;
    listener_places_.emplace(c.who.slot, place);
    listeners_.at(place.netns, place.local).emplace(++last_listener_number_, &c);
}

void ConnectionTable::forget_listener(const Connection& c) {
    const auto it = listener_places_.find(c.who.slot);
    if (it == listener_places_.end()) return;
    const ListenerPlace& place = it->second;
    Listeners& listeners = listeners_.at(place.netns, place.local);
    listeners.erase(place.number);
    if (listeners.empty()) listeners_.erase(place.netns, place.local);
    listener_places_.erase(it);
}

const ConnectionTable::Listeners& ConnectionTable::listeners_at(std::uint32_t netns,
                                                                const tcp::Endpoint& local) const {
    static const Listeners none;
    const Listeners* const found = listeners_.find(netns, local);
    return found ? *found : none;
}

Connection* ConnectionTable::listener_for(std::uint32_t netns, const tcp::Endpoint& local) const {
    // Those that have ended stay for the time of settling only.
    const auto is_open = [](const auto& each) { return !each.second->ended; };
    const auto* const port = listeners_.at_port(netns, local.port);
    if (!port) return nullptr;
    if (const Listeners* const same = port->find(local.address))
        if (const auto first = std::ranges::find_if(*same, is_open); first != same->end())
            return first->second;
    for (const tcp::IpAddress& wildcard : listeners_.wildcards_for(local.address)) {
        const Listeners* const all = port->find(wildcard);
        if (!all) continue;
        const auto last = std::find_if(all->rbegin(), all->rend(), is_open);
        if (last != all->rend()) return last->second;
    }
    return nullptr;
}

} // namespace tcpdwell::track

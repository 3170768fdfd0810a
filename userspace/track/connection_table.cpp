// SPDX-License-Identifier: Apache-2.0
#include "track/connection_table.h"

#include <algorithm>
#include <cstring>

namespace tcpdwell {
namespace {

std::uint64_t mix(std::uint64_t x) { // finaliser of SplitMix64
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

std::uint64_t listener_key(std::uint32_t netns, Port port) { return (std::uint64_t{netns} << 16) | port; }

} // namespace

std::size_t ConnectionTable::AddressHash::operator()(std::uint64_t address) const { return mix(address); }

std::size_t ConnectionTable::TupleHash::operator()(const TupleKey& key) const {
    std::array<std::uint64_t, 4> words{};
    std::memcpy(&words[0], key.tuple.local.address.bytes.data(), 16);
    std::memcpy(&words[2], key.tuple.remote.address.bytes.data(), 16);
    const std::uint64_t ports = (std::uint64_t{key.tuple.local.port} << 16) | key.tuple.remote.port;
    return mix(words[1] ^ mix(words[3] ^ (ports << 32) ^ mix(words[0] ^ (words[2] << 1) ^ key.netns)));
}

Connection& ConnectionTable::create() {
    Connection* c = nullptr;
    if (free_.empty()) {
        c = &slots_.emplace_back();
    } else {
        c = free_.back();
        free_.pop_back();
        const auto generation = c->generation;
        *c = Connection{};
        c->generation = generation;
    }
    c->sequence = next_sequence_++;
    link_newest(*c);
    ++live_;
    return *c;
}

void ConnectionTable::release(Connection& c) {
    for (const auto address : {c.request, c.full, c.mini}) forget_object(address, c);
    forget_tuple(c);
    if (c.state == TcpState::LISTEN || c.who.tuple.remote.empty()) forget_listener(c);
    unlink(c);
    ++c.generation;
    free_.push_back(&c);
    --live_;
}

void ConnectionTable::unlink(Connection& c) {
    (c.newer ? c.newer->older : newest_) = c.older;
    (c.older ? c.older->newer : oldest_) = c.newer;
    c.newer = c.older = nullptr;
}

void ConnectionTable::link_newest(Connection& c) {
    c.older = newest_;
    c.newer = nullptr;
    if (newest_) newest_->newer = &c;
    newest_ = &c;
    if (!oldest_) oldest_ = &c;
}

void ConnectionTable::touch(Connection& c) {
    if (newest_ == &c) return;
    unlink(c);
    link_newest(c);
}

Connection* ConnectionTable::by_object(std::uint64_t address) const {
    const auto it = objects_.find(address);
    return it == objects_.end() ? nullptr : it->second;
}

Connection* ConnectionTable::by_tuple(std::uint32_t netns, const FourTuple& tuple) const {
    const auto it = tuples_.find(TupleKey{tuple, netns});
    return it == tuples_.end() ? nullptr : *it;
}

void ConnectionTable::index_object(std::uint64_t address, Connection& c) {
    if (address != 0) objects_[address] = &c;
}

void ConnectionTable::forget_object(std::uint64_t address, const Connection& c) {
    if (address == 0) return;
    const auto it = objects_.find(address);
    if (it != objects_.end() && it->second == &c) objects_.erase(it);
}

void ConnectionTable::index_tuple(Connection& c) {
    if (c.who.tuple.local.port == 0 || c.who.tuple.remote.empty()) return;
    const auto it = tuples_.find(key_of(&c));
    if (it != tuples_.end()) {
        if (*it == &c) return;
        tuples_.erase(it);
    }
    tuples_.insert(&c);
}

void ConnectionTable::forget_tuple(const Connection& c) {
    const auto it = tuples_.find(key_of(&c));
    if (it != tuples_.end() && *it == &c) tuples_.erase(it);
}

void ConnectionTable::index_listener(Connection& c) {
    auto& list = listeners_[listener_key(c.who.netns, c.who.tuple.local.port)];
    if (std::find(list.begin(), list.end(), &c) == list.end()) list.push_back(&c);
}

void ConnectionTable::forget_listener(const Connection& c) {
    const auto it = listeners_.find(listener_key(c.who.netns, c.who.tuple.local.port));
    if (it == listeners_.end()) return;
    std::erase(it->second, &c);
    if (it->second.empty()) listeners_.erase(it);
}

Connection* ConnectionTable::listener_for(std::uint32_t netns, const Endpoint& local) const {
    const auto it = listeners_.find(listener_key(netns, local.port));
    if (it == listeners_.end()) return nullptr;
    Connection* wildcard = nullptr;
    for (Connection* listener : it->second) {
        if (listener->ended) continue;
        const IpAddress& address = listener->who.tuple.local.address;
        if (address == local.address) return listener;
        if (address.is_unspecified()) wildcard = listener;
    }
    return wildcard;
}

std::vector<Connection*> ConnectionTable::in_order() const {
    std::vector<Connection*> all;
    all.reserve(live_);
    for (Connection* c = newest_; c; c = c->older) all.push_back(c);
    std::sort(all.begin(), all.end(),
              [](const Connection* a, const Connection* b) { return a->sequence < b->sequence; });
    return all;
}

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
#include "analysis/recent_ends.h"

#include "track/connection_table.h"

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostRecent = 1 << 17;
constexpr Nanoseconds kOtherEndWithin = 5s;

/// Each namespace has loopback addresses of its own; others are taken for the same host.
std::uint64_t key_of(std::uint32_t netns, const tcp::Endpoint& from, const tcp::Endpoint& to) {
    return track::hash_of(to.address.is_loopback() ? netns : 0, tcp::FourTuple{from, to});
}

/// Of the end on that side, by the client's endpoint: what a DNAT in between leaves as it is.
/// nullopt: nothing is translated on the way.
std::optional<std::uint64_t> client_key(const track::ConnectionIdentity& who, tcp::Role side) {
    if (who.role != tcp::Role::client && who.role != tcp::Role::server) return std::nullopt;
    const tcp::Endpoint& client =
        who.role == tcp::Role::client ? who.tuple.local : who.tuple.remote;
    if (client.address.is_loopback() || client.empty()) return std::nullopt;
    return side == tcp::Role::client ? key_of(0, client, {}) : key_of(0, {}, client);
}

tcp::Role opposite(tcp::Role role) {
    return role == tcp::Role::client ? tcp::Role::server : tcp::Role::client;
}

} // namespace

std::optional<RecentEnds::End> RecentEnds::take(std::uint64_t key, MonoTime closed) {
    const auto found = ends_.find(key);
    if (found == ends_.end()) return std::nullopt;
    const End end = found->second;
    if (closed - end.closed > kOtherEndWithin || end.closed - closed > kOtherEndWithin)
        return std::nullopt;
    ends_.erase(found);
    return end;
}

void RecentEnds::put(std::uint64_t key, const End& end) {
    if (ends_.insert_or_assign(key, end).second) order_.push_back(key);
    while (order_.size() > kMostRecent) {
        ends_.erase(order_.front());
        order_.pop_front();
    }
}

std::optional<RecentEnds::End> RecentEnds::take_other_of(const track::ConnectionLine& line) {
    const tcp::FourTuple& tuple = line.who->tuple;
    const auto by_client = client_key(*line.who, opposite(line.who->role));
    if (auto other = take(key_of(line.who->netns, tuple.remote, tuple.local), *line.closed)) {
        if (by_client) ends_.erase(*by_client);
        return other;
    }
    if (!by_client) return std::nullopt;
    auto other = take(*by_client, *line.closed);
    if (other) other->is_translated = true;
    return other;
}

const RecentEnds::End* RecentEnds::find_other_of(const track::ConnectionIdentity& who,
                                                 MonoTime since) const {
    const auto found = ends_.find(key_of(who.netns, who.tuple.remote, who.tuple.local));
    return found == ends_.end() || found->second.closed < since ? nullptr : &found->second;
}

RecentEnds::End* RecentEnds::find(std::uint32_t netns, const tcp::FourTuple& tuple, MonoTime at) {
    const auto found = ends_.find(key_of(netns, tuple.local, tuple.remote));
    const bool is_near = found != ends_.end() && at >= found->second.closed &&
                         at - found->second.closed <= kOtherEndWithin;
    return is_near ? &found->second : nullptr;
}

void RecentEnds::note(const track::ConnectionLine& line, PartyEnds& party, EndCause cause) {
    const tcp::FourTuple& tuple = line.who->tuple;
    const bool is_client = line.who->role == tcp::Role::client;
    const End end{&party,       cause,      *line.closed, is_client ? tuple.remote : tuple.local,
                  line.who->id, line.detail};
    put(key_of(line.who->netns, tuple.local, tuple.remote), end);
    if (const auto key = client_key(*line.who, line.who->role)) put(*key, end);
}

void RecentEnds::clear() {
    ends_.clear();
    order_.clear();
}

} // namespace tcpdwell::analysis

// SPDX-License-Identifier: Apache-2.0
#include "analysis/unknown_connections.h"

#include <algorithm>
#include <functional>

#include "track/connection_table.h"

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

/// An RST ends the other end within a round trip.
constexpr Nanoseconds kArrivesWithin = 5s;

/// What both have in common: a process, its name, or nothing.
void merge(std::optional<event::Process>& group, const std::optional<event::Process>& one) {
    if (group == one || !group) return;
    if (one && group->comm() == one->comm())
        group->pid = 0;
    else
        group.reset();
}

/// What both have in common.
void merge(tcp::Endpoint& group, const tcp::Endpoint& one) {
    if (group.address != one.address) group = {};
    if (group.port != one.port) group.port = 0;
}

} // namespace

/// Whether the service is the local end.
bool UnknownConnections::is_served_here(const Key& key, const KnownServices& known) {
    const bool is_local =
        known.endpoints.contains(key.local) || known.ports.contains({key.netns, key.local.port});
    const bool is_remote = known.endpoints.contains(key.remote);
    return is_local == is_remote ? key.local.port < key.remote.port : is_local;
}

void UnknownConnections::on_stray_reset(const track::StrayResetLine& line, Weight weight) {
    are_all_ = are_all_ && line.left_out == 0;
    const Key key{line.tuple.local, line.tuple.remote, line.netns};
    auto found = resets_.find(key);
    if (found == resets_.end()) {
        if (resets_.size() >= kMostConnections) {
            are_all_ = false;
            return;
        }
        found = resets_.emplace(key, Resets{}).first;
        found->second.first = line.at;
        found->second.family = line.tuple.family;
        found->second.known =
            std::ranges::find(ended_, track::hash_of(line.netns, line.tuple)) != ended_.end();
    }
    found->second.count += weight;
    found->second.weight = weight;
    found->second.last = std::max(found->second.last, line.at);
}

/// Another namespace's, or the same one's: the addresses show which connection it was.
UnknownConnections::ByConnection::const_iterator
UnknownConnections::find_other(const track::ConnectionLine& line) const {
    const tcp::FourTuple& tuple = line.who->tuple;
    if (line.ending != tcp::Ending::reset_received || !line.closed) return resets_.end();
    for (auto each = resets_.lower_bound(Key{tuple.remote, tuple.local, 0});
         each != resets_.end() && each->first.local == tuple.remote &&
         each->first.remote == tuple.local;
         ++each) {
        const bool in_time = each->second.first <= *line.closed + kArrivesWithin &&
                             *line.closed <= each->second.last + kArrivesWithin;
        const bool is_own = each->first.netns == line.who->netns;
        if (in_time && !each->second.known && (is_own || !tuple.remote.address.is_loopback()))
            return each;
    }
    return resets_.end();
}

/// By the client's namespace and endpoint, which no other connection to the same service has at the
/// same time.
UnknownConnections::ByConnection::const_iterator
UnknownConnections::find_translated(const track::ConnectionIdentity& who,
                                    std::optional<MonoTime> opened, MonoTime closed) const {
    constexpr int kMostTried = 64; // of what a hostile stream can put there
    if (who.role != tcp::Role::client || resets_.empty()) return resets_.end();
    const tcp::FourTuple& tuple = who.tuple;
    auto each = resets_.lower_bound(Key{tuple.local, {}, 0});
    for (int tried = 0;
         tried < kMostTried && each != resets_.end() && each->first.local == tuple.local;
         ++tried, ++each) {
        const Resets& resets = each->second;
        const bool was_there = (!opened || *opened <= resets.first) && resets.first <= closed;
        if (was_there && each->first.netns == who.netns && each->first.remote != tuple.remote &&
            !resets.known)
            return each;
    }
    return resets_.end();
}

void UnknownConnections::note_client(const track::ConnectionIdentity& who,
                                     std::optional<MonoTime> opened, MonoTime closed) {
    const auto found = find_translated(who, opened, closed);
    if (found == resets_.end()) return;
    Resets& resets = resets_[found->first];
    resets.translated_from = who.tuple.remote;
    resets.client_id = who.id;
    resets.client = who.process;
}

void UnknownConnections::on_live(const track::LiveSocket& socket, Weight) {
    MonoTime opened = socket.since.value_or(socket.known_since);
    for (const track::PathStep& step : socket.left) opened -= step.dwell.value_or(step.at_least);
    note_client(socket.who, opened, MonoTime::max());
}

bool UnknownConnections::have_ended(const track::ConnectionLine& line) const {
    if (line.ending != tcp::Ending::reset_received || !line.closed) return false;
    if (find_other(line) != resets_.end()) return true;
    return find_translated(*line.who, line.opened, *line.closed) != resets_.end();
}

void UnknownConnections::note_ended(const track::ConnectionLine& line) {
    // Of these its peer knows nothing.
    if (line.ending == tcp::Ending::dropped_silently || line.ending == tcp::Ending::timed_out)
        return;
    const tcp::FourTuple& tuple = line.who->tuple;
    const std::uint64_t hash = track::hash_of(line.who->netns, tuple);
    if (ended_.size() < kMostEnded)
        ended_.push_back(hash);
    else
        ended_[next_++ % kMostEnded] = hash;
    // An RST in answer to what came after its end, and before its end was known to be one.
    const auto own = resets_.find(Key{tuple.local, tuple.remote, line.who->netns});
    if (own != resets_.end() && (!line.opened || *line.opened <= own->second.last))
        own->second.known = true;
}

void UnknownConnections::on_connection(const track::ConnectionLine& line, Weight) {
    note_ended(line);
    if (resets_.empty()) return;
    if (line.closed) note_client(*line.who, line.opened, *line.closed);
    const auto other = find_other(line);
    if (other == resets_.end()) return;
    Resets& resets = resets_[other->first];
    resets.ended = true;
    lives_.keep(line, Lives::What::ended_badly);
    resets.id = line.who->id;
    resets.process = line.who->process;
}

void UnknownConnections::note_translated(UnknownGroup& group, const Resets& resets) {
    if (resets.translated_from.empty()) return;
    const bool is_first = group.translated == 0;
    group.translated += resets.weight;
    if (is_first) {
        group.translated_from = resets.translated_from;
        group.client = resets.client;
    } else {
        merge(group.translated_from, resets.translated_from);
        merge(group.client, resets.client);
    }
    group.ids.note(resets.client_id);
}

std::vector<UnknownGroup> UnknownConnections::groups(const KnownServices& known) const {
    std::map<Key, UnknownGroup> by_service;
    for (const auto& [key, resets] : resets_) {
        if (resets.known) continue;
        Key service = key;
        const bool served_here = resets.translated_from.empty() && is_served_here(key, known);
        (served_here ? service.remote : service.local) = {};
        UnknownGroup& group = by_service[service];
        if (group.connections == 0) {
            group.netns = key.netns;
            group.local = key.local;
            group.remote = key.remote;
            group.family = resets.family;
            group.first = resets.first;
        } else {
            merge(group.local, key.local);
            merge(group.remote, key.remote);
        }
        group.connections += resets.weight;
        group.resets += resets.count;
        group.first = std::min(group.first, resets.first);
        group.last = std::max(group.last, resets.last);
        note_translated(group, resets);
        if (!resets.ended) continue;
        group.ids.note(resets.id);
        if (group.ended == 0)
            group.process = resets.process;
        else
            merge(group.process, resets.process);
        group.ended += resets.weight;
    }
    std::vector<UnknownGroup> all;
    for (const auto& [key, group] : by_service) all.push_back(group);
    std::ranges::stable_sort(all, std::greater<>(), &UnknownGroup::connections);
    return all;
}

} // namespace tcpdwell::analysis

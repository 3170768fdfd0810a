// SPDX-License-Identifier: Apache-2.0
// Groups are collected in ordered maps: the order of what has the same size must not depend on a
// hash.
#include "run/census.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>

namespace tcpdwell::run {
namespace {

/// Orders like the pid; comm is compared because a pid may have changed its name between two looks.
using ProcessKey = std::tuple<std::uint32_t, std::array<char, TD_COMM_LEN>>;

ProcessKey key_of(const std::optional<event::Process>& process) {
    return process ? ProcessKey{process->pid, process->comm_bytes} : ProcessKey{};
}

std::uint64_t port_key(std::uint32_t netns, tcp::Port port) {
    return std::uint64_t{netns} << 16 | port;
}

CensusGroup group_of(const CensusSocket& socket, GroupBy by) {
    CensusGroup group;
    switch (by) {
    case GroupBy::process: group.process = socket.process; break;
    case GroupBy::port: group.port = socket.service_port(); break;
    case GroupBy::remote:
        if (!socket.tuple.remote.empty()) {
            group.remote = socket.tuple.remote.address;
            group.family = socket.tuple.family;
        }
        break;
    }
    return group;
}

} // namespace

tcp::Port CensusSocket::service_port() const {
    return role == tcp::Role::server ? tuple.local.port : tuple.remote.port;
}

void assign_roles(std::span<CensusSocket> sockets) {
    std::unordered_set<std::uint64_t> listening;
    for (const CensusSocket& socket : sockets)
        if (socket.state == tcp::State::LISTEN)
            listening.insert(port_key(socket.netns, socket.tuple.local.port));
    for (CensusSocket& socket : sockets) {
        const bool server = listening.contains(port_key(socket.netns, socket.tuple.local.port)) ||
                            (socket.state == tcp::State::SYN_RECV && !socket.has_file);
        socket.role = server ? tcp::Role::server : tcp::Role::client;
    }
}

StateCensus count_states(std::span<const CensusSocket> sockets) {
    StateCensus census;
    for (const CensusSocket& socket : sockets) {
        ++census.all[socket.state];
        if (!socket.has_file) ++census.without_file[socket.state];
    }
    return census;
}

std::vector<CensusGroup> group_sockets(std::span<const CensusSocket> sockets, GroupBy by) {
    std::map<std::tuple<ProcessKey, std::optional<tcp::Port>, std::optional<tcp::IpAddress>,
                        tcp::Family>,
             CensusGroup>
        groups;
    for (const CensusSocket& socket : sockets) {
        const CensusGroup empty = group_of(socket, by);
        const auto key = std::tuple(key_of(empty.process), empty.port, empty.remote, empty.family);
        CensusGroup& group = groups.try_emplace(key, empty).first->second;
        ++group.counts[socket.state];
        ++group.total;
    }
    std::vector<CensusGroup> result;
    result.reserve(groups.size());
    for (const auto& [key, group] : groups) result.push_back(group);
    std::stable_sort(result.begin(), result.end(),
                     [](const CensusGroup& a, const CensusGroup& b) { return a.total > b.total; });
    return result;
}

std::vector<CloseWaitGroup> close_wait_owners(std::span<const CensusSocket> sockets) {
    std::map<std::tuple<std::uint32_t, ProcessKey>, CloseWaitGroup> groups;
    for (const CensusSocket& socket : sockets) {
        if (socket.state != tcp::State::CLOSE_WAIT) continue;
        const auto key = std::tuple(socket.netns, key_of(socket.process));
        ++groups.try_emplace(key, CloseWaitGroup{socket.process, socket.netns, 0})
              .first->second.count;
    }
    std::vector<CloseWaitGroup> result;
    result.reserve(groups.size());
    for (const auto& [key, group] : groups) result.push_back(group);
    std::stable_sort(
        result.begin(), result.end(),
        [](const CloseWaitGroup& a, const CloseWaitGroup& b) { return a.count > b.count; });
    return result;
}

std::vector<ListenGroup> listeners(std::span<const CensusSocket> sockets) {
    std::map<std::tuple<std::uint32_t, tcp::Port, tcp::IpAddress, tcp::Family, ProcessKey>,
             ListenGroup>
        groups;
    for (const CensusSocket& socket : sockets) {
        if (socket.state != tcp::State::LISTEN) continue;
        const tcp::Endpoint& local = socket.tuple.local;
        const auto key = std::tuple(socket.netns, local.port, local.address, socket.tuple.family,
                                    key_of(socket.process));
        ListenGroup& group = groups
                                 .try_emplace(key, ListenGroup{local, socket.tuple.family,
                                                               socket.process, socket.netns})
                                 .first->second;
        ++group.count;
        group.queued += socket.queued;
        group.queue_limit += socket.queue_limit;
    }
    std::vector<ListenGroup> result;
    result.reserve(groups.size());
    for (const auto& [key, group] : groups) result.push_back(group);
    return result;
}

} // namespace tcpdwell::run

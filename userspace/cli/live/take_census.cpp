// SPDX-License-Identifier: Apache-2.0
// Lists the sockets of all namespaces, finds their owners and filters.
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cli/live_view.h"
#include "host/cgroup_paths.h"
#include "live/container_files.h"
#include "live/process_owners.h"
#include "live/socket_table.h"

namespace tcpdwell::cli {
namespace {

run::CensusSocket describe(const live::DiagSocket& socket, std::uint32_t netns) {
    run::CensusSocket result;
    result.state = socket.state;
    result.netns = netns;
    result.tuple = socket.tuple;
    result.has_file = socket.inode != 0;
    if (socket.state == tcp::State::LISTEN) {
        result.queued = socket.receive_queue;
        result.queue_limit = socket.send_queue;
    }
    return result;
}

/// The inodes whose owners will be printed or filtered by.
std::unordered_set<std::uint64_t> wanted_inodes(const live::SocketTable& table, bool of_all) {
    std::unordered_set<std::uint64_t> wanted;
    for (const live::NamespaceSockets& each : table.namespaces)
        for (const live::DiagSocket& socket : each.sockets)
            if (socket.inode != 0 && (of_all || socket.state == tcp::State::CLOSE_WAIT ||
                                      socket.state == tcp::State::LISTEN))
                wanted.insert(socket.inode);
    return wanted;
}

/// Whether the filter lets a socket pass as that of one of its holders, who then becomes its
/// process, and excludes none of them.
bool passes(const event::Filter& filter, run::CensusSocket& socket,
            const std::vector<event::Process>* holders, std::optional<std::string_view> cgroup,
            std::optional<std::string_view> container) {
    const std::optional<event::Process> nobody;
    const auto subject = [&] {
        return event::FilterSubject{socket.tuple, socket.netns, socket.role, socket.process,
                                    nobody,       cgroup,       0,           nullptr,
                                    container};
    };
    if (!holders) return filter.matches(subject());
    const event::Process* first = nullptr;
    for (const event::Process& holder : *holders) {
        socket.process = holder;
        if (filter.excludes(subject())) return false;
        if (!first && filter.matches(subject())) first = &holder;
    }
    if (first) socket.process = *first;
    return first != nullptr;
}

/// The containers of the sockets' cgroups, each looked up once.
class CensusContainers {
public:
    CensusContainers(bool are_wanted, const std::string& host_root)
        : are_wanted_(are_wanted), files_(host_root) {}

    std::optional<std::string_view> of(std::uint64_t id, std::optional<std::string_view> path) {
        if (!are_wanted_ || !path) return std::nullopt;
        const auto [known, is_new] = texts_.try_emplace(id);
        if (is_new) known->second = files_.describe_path(*path);
        if (known->second.empty()) return std::nullopt;
        return known->second;
    }

private:
    bool are_wanted_;
    live::ContainerFiles files_;
    std::unordered_map<std::uint64_t, std::string> texts_;
};

} // namespace

Result<Census> take_census(const event::Filter& filter, bool owners_of_all,
                           const std::string& host_root) {
    auto table = live::list_sockets(filter.netns.wanted);
    if (!table) return tl::unexpected(table.error());
    std::optional<host::CgroupPaths> cgroups;
    if (!filter.cgroups.empty() || !filter.containers.empty()) {
        auto opened = host::CgroupPaths::open();
        if (!opened) return tl::unexpected(opened.error());
        cgroups = std::move(*opened);
    }
    CensusContainers containers(!filter.containers.empty(), host_root);
    const auto wanted =
        wanted_inodes(*table, owners_of_all || !filter.pids.empty() || !filter.comms.empty());
    const live::SocketOwners owners = live::find_socket_owners(&wanted);

    Census census;
    census.namespaces = table->namespaces.size();
    census.closed_namespaces = table->closed_namespaces;
    for (const live::NamespaceSockets& each : table->namespaces) {
        std::vector<run::CensusSocket> described;
        described.reserve(each.sockets.size());
        for (const live::DiagSocket& socket : each.sockets)
            described.push_back(describe(socket, each.netns));
        assign_roles(described);
        for (std::size_t i = 0; i < described.size(); ++i) {
            const live::DiagSocket& socket = each.sockets[i];
            const auto holders = owners.by_inode.find(socket.inode);
            const bool known = holders != owners.by_inode.end();
            const auto cgroup = cgroups ? cgroups->lookup(socket.cgroup) : std::nullopt;
            if (!passes(filter, described[i], known ? &holders->second : nullptr, cgroup,
                        containers.of(socket.cgroup, cgroup)))
                continue;
            census.sockets.push_back(described[i]);
            if (!known && wanted.contains(socket.inode))
                census.unreadable_processes = owners.unreadable;
        }
    }
    return census;
}

} // namespace tcpdwell::cli

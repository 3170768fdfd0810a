// SPDX-License-Identifier: Apache-2.0
// Which processes hold which sockets, from /proc/PID/fd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "event/event.h"

namespace tcpdwell::live {

/// Result of one walk over /proc.
struct SocketOwners {
    /// Socket inode (as in sock_diag and td_socket::inode) to the processes that have it open, each
    /// once, by pid. PIDs are those of the /proc that is mounted: the initial pid namespace's,
    /// unless tcpdwell runs in a container.
    std::unordered_map<std::uint64_t, std::vector<event::Process>> by_inode;
    std::size_t unreadable =
        0; ///< processes whose descriptors couldn't be listed for want of rights

    /// The holder with the lowest pid; nullptr if none is known.
    [[nodiscard]] const event::Process* first(std::uint64_t inode) const;
};

/// Walks /proc/*/fd. With `wanted` only these inodes are kept. Processes that end meanwhile are
/// passed over.
SocketOwners find_socket_owners(const std::unordered_set<std::uint64_t>* wanted = nullptr);

} // namespace tcpdwell::live

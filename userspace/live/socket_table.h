// SPDX-License-Identifier: Apache-2.0
// The TCP sockets of several network namespaces at this moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "live/sock_diag.h"

namespace tcpdwell::live {

/// The sockets of one namespace.
struct NamespaceSockets {
    std::uint32_t netns = 0; ///< inode
    std::vector<DiagSocket> sockets;
};

struct SocketTable {
    std::vector<NamespaceSockets> namespaces;
    std::size_t closed_namespaces =
        0; ///< namespaces that couldn't be entered for want of rights, and are missing
};

/// Lists the sockets of the namespaces with these inodes, or of all that are known. The own
/// namespace needs no rights; those asked for by inode must all be accessible
/// (ErrorCode::cannot_trace) and exist (ErrorCode::usage).
Result<SocketTable> list_sockets(const std::vector<std::uint32_t>& netns);

} // namespace tcpdwell::live

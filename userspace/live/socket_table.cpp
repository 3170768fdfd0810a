// SPDX-License-Identifier: Apache-2.0
// One dump after the other, with the calling thread in the namespace concerned.
#include "live/socket_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/netns.h"

namespace tcpdwell::live {
namespace {

Result<std::vector<DiagSocket>> dump_in(const host::NetworkNamespace& where) {
    if (where.own) return dump_tcp_sockets();
    const auto guard = host::NetnsGuard::enter(where.fd.get());
    if (!guard) return tl::unexpected(guard.error());
    return dump_tcp_sockets();
}

} // namespace

Result<SocketTable> list_sockets(const std::vector<std::uint32_t>& netns) {
    const std::vector<host::NetworkNamespace> known = host::list_network_namespaces();
    for (const std::uint32_t inode : netns) {
        const bool found =
            std::any_of(known.begin(), known.end(), [inode](const host::NetworkNamespace& each) {
                return each.inode == inode;
            });
        if (!found)
            return fail(ErrorCode::usage,
                        fmt::format("--netns: network namespace {} is gone", inode));
    }

    SocketTable table;
    for (const host::NetworkNamespace& each : known) {
        const bool asked_for = std::find(netns.begin(), netns.end(), each.inode) != netns.end();
        if (!netns.empty() && !asked_for) continue;
        auto sockets = dump_in(each);
        if (sockets) {
            table.namespaces.push_back({each.inode, std::move(*sockets)});
        } else if (!asked_for && sockets.error().code == ErrorCode::cannot_trace) {
            ++table.closed_namespaces;
        } else {
            return tl::unexpected(sockets.error());
        }
    }
    return table;
}

} // namespace tcpdwell::live

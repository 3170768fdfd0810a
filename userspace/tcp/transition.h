// SPDX-License-Identifier: Apache-2.0
// Which state transitions there can be, and what defines them.
#pragma once

#include <cstdint>
#include <string_view>

#include "tcp/state.h"

namespace tcpdwell::tcp {

enum class EdgeKind : std::uint8_t {
    rfc9293, ///< RFC 9293 has this edge, for one cause or another (Linux may take it for a cause of
             ///< its own)
    linux_specific, ///< only Linux reports it
    unexpected,     ///< no cause is known: events were lost, or the kernel is newer than this table
};

std::string_view name(EdgeKind kind);

/// What is known of the edge from one true state (FIN_WAIT2 and TIME_WAIT wherever the kernel keeps
/// them) to the next, within one connection or one listening socket. A socket that is used again
/// begins another connection.
EdgeKind edge_kind(State from, State to);

} // namespace tcpdwell::tcp

// SPDX-License-Identifier: Apache-2.0
// Which end of a connection is the client's.
#pragma once

#include "tcp/address.h"
#include "tcp/close.h"

namespace tcpdwell::analysis {

/// Whether this end has connected. Of a connection from before tracing that isn't known: then it is
/// the one with the higher port, for the ports that connect() chooses are high ones (from 32768 on
/// by default, net.ipv4.ip_local_port_range).
inline bool is_client_end(tcp::Role role, tcp::Port local, tcp::Port remote) {
    return role == tcp::Role::client || (role == tcp::Role::unknown && local > remote);
}

} // namespace tcpdwell::analysis

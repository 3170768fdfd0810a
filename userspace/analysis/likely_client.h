// SPDX-License-Identifier: Apache-2.0
// Which end of a connection is the client's, as far as it isn't known.
#pragma once

#include "tcp/address.h"
#include "tcp/close.h"

namespace tcpdwell::analysis {

/// Whether this end has connected. Of a connection from before tracing that isn't known: it is
/// mostly the one with the higher port, for the ports that connect() chooses are high ones (from
/// 32768 on by default, net.ipv4.ip_local_port_range). Only for what such a guess can't make false.
inline bool is_likely_client(tcp::Role role, tcp::Port local, tcp::Port remote) {
    return role == tcp::Role::client || (role == tcp::Role::unknown && local > remote);
}

} // namespace tcpdwell::analysis

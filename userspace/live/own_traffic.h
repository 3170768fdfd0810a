// SPDX-License-Identifier: Apache-2.0
// Connections that we make ourselves to see what the kernel shows of them.
#pragma once

#include <netinet/in.h>

#include <cstdint>

#include "base/fd.h"

namespace tcpdwell::live {

/// Sets the interface `lo` of the calling thread's network namespace up.
bool bring_loopback_up();

/// 127.0.0.1 and a port, 0 for any.
sockaddr_in loopback(std::uint16_t port);
/// Of a bound socket; 0 if it isn't.
std::uint16_t local_port(const Fd& socket);

/// A TCP socket bound to 127.0.0.1 and the port, which may still be in TIME_WAIT; empty on failure.
Fd bound_socket(std::uint16_t port);
/// A listener at any port of 127.0.0.1. `defer_accept`: a connection stays in its request socket
/// until data come. Empty on failure.
Fd loopback_listener(bool defer_accept);
/// Connects; false on failure.
bool connect_to(const Fd& socket, std::uint16_t port);

} // namespace tcpdwell::live

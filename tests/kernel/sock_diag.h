// SPDX-License-Identifier: Apache-2.0
// SOCK_DESTROY, what `ss -K` does, without ss(8).
#pragma once

#include "sockets.h"

namespace tcpdwell::test {

/// Asks the kernel to kill the TCP socket (full socket, mini-socket or request socket) with this
/// local and remote end. 0 or the errno: ENOENT = no such socket or no inet_diag module, EOPNOTSUPP
/// = can't be killed in its state.
int destroy_socket(const Endpoint& local, const Endpoint& remote);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// A load of short connections over loopback.
#pragma once

namespace tcpdwell::bench {

/// Makes `connections` connections in the calling process's network namespace, whose loopback it
/// brings up: connect, one byte each way, the client closes first. `one_thread`: client and server
/// take turns in one thread; else the server has a thread of its own. Returns the seconds it took,
/// 0 if it failed.
double run_loopback_load(int connections, bool one_thread);

struct LoopbackPair {
    int client = -1; ///< -1: it failed
    int server = -1;
};

/// One connection in the calling process's network namespace, whose loopback it brings up. The
/// caller closes both ends.
LoopbackPair connect_over_loopback();

} // namespace tcpdwell::bench

// SPDX-License-Identifier: Apache-2.0
// A load of short connections over loopback.
#pragma once

namespace tcpdwell::bench {

/// Makes `connections` connections in the calling process's network namespace, whose loopback it brings up: connect,
/// one byte each way, the client closes first. `one_thread`: client and server take turns in one thread; else the
/// server has a thread of its own. Returns the seconds it took, 0 if it failed.
double run_loopback_load(int connections, bool one_thread);

} // namespace tcpdwell::bench

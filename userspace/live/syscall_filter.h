// SPDX-License-Identifier: Apache-2.0
// Which system calls a process of ours may still make when it has what it needs (seccomp(2)).
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace tcpdwell::live {

/// What the process does besides.
struct TracerRights {
    bool makes_files = false; ///< makes, links and removes files
    bool serves = false;      ///< takes connections at sockets that listen already
};

/// From now on the calling process, which interprets what comes from the kernel, may read files,
/// write to what is open, and nothing else: no process, no socket, no file made or removed, no
/// memory made executable. All other calls fail with EPERM. `sampler` is the only process that it
/// may signal.
Result<void> confine_tracer(pid_t sampler, TracerRights rights);

/// The same for the sampler, which also enters network namespaces and asks the kernel for sockets.
Result<void> confine_sampler();

/// The same for a process that sends over the network what lies in a folder: it may also make,
/// rename and remove files, look up names, and start threads, which that takes.
Result<void> confine_sender();

} // namespace tcpdwell::live

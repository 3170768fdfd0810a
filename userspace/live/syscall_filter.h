// SPDX-License-Identifier: Apache-2.0
// Which system calls a process of ours may still make when it has what it needs (seccomp(2)).
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace tcpdwell::live {

/// From now on the calling process, which interprets what comes from the kernel, may read files,
/// write to what is open, and nothing else: no process, no socket, no file made or removed, no
/// memory made executable. All other calls fail with EPERM. `sampler` is the only process that it
/// may signal; `makes_files`: it also makes, links and removes files.
Result<void> confine_tracer(pid_t sampler, bool makes_files);

/// The same for the sampler, which also enters network namespaces and asks the kernel for sockets.
Result<void> confine_sampler();

} // namespace tcpdwell::live

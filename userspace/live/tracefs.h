// SPDX-License-Identifier: Apache-2.0
// Numbers of the kernel's classic tracepoints, which perf_event_open(2) needs and only tracefs
// provides.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace tcpdwell::live {

/// "syscalls", "sys_exit_accept4".
struct TracepointName {
    std::string_view category;
    std::string_view name;
};

/// The id of each tracepoint, in the order asked for; nullopt where the kernel has no such one. If
/// tracefs isn't mounted, a short-lived child process mounts it in a mount namespace of its own,
/// which leaves the host as it was. Fails, with the reason, if tracefs can't be had at all.
Result<std::vector<std::optional<std::uint64_t>>>
tracepoint_ids(std::span<const TracepointName> names);

/// The perf event of that tracepoint, to which a BPF program can be attached: the program then runs
/// for every CPU. Empty on failure, with errno (EACCES: kernel.perf_event_paranoid is above what
/// this process has rights for).
Fd open_tracepoint(std::uint64_t id);

} // namespace tcpdwell::live

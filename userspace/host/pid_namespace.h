// SPDX-License-Identifier: Apache-2.0
// Which numbers processes have: pids differ between pid namespaces, and /proc shows those of one.
#pragma once

#include <cstdint>
#include <optional>

namespace tcpdwell::host {

/// Inode of the initial pid namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h).
inline constexpr std::uint32_t kInitialPidNamespace = 0xeffffffc;

/// Inode of the pid namespace that the mounted /proc belongs to; usually the caller's own. nullopt
/// if there is no /proc, or if it is that of another namespace which can't be looked into.
std::optional<std::uint32_t> proc_pid_namespace();

} // namespace tcpdwell::host

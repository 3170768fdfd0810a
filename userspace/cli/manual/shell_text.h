// SPDX-License-Identifier: Apache-2.0
// What the completions of all shells share.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "cli/manual/interface.h"

namespace tcpdwell::cli {

/// Values that only the host knows, one a line. Names of processes and cgroups are anybody's
/// choice: no shell may evaluate what these print.
struct HostValues {
    ValueKind kind;
    std::string_view name;
    std::string_view command; ///< means the same in bash, zsh and fish
};

inline constexpr std::array kHostValues{
    HostValues{ValueKind::netns, "netns", "ls /run/netns 2>/dev/null"},
    HostValues{ValueKind::pid, "pid", "ls /proc | grep '^[0-9]'"},
    HostValues{ValueKind::comm, "comm", "cat /proc/*/comm 2>/dev/null | sort -u"},
    HostValues{ValueKind::cgroup, "cgroup",
               "find /sys/fs/cgroup -maxdepth 4 -type d -printf '/%P\\n' 2>/dev/null"},
    HostValues{ValueKind::user, "user", "getent passwd | cut -d: -f1"},
};

/// nullptr: the host isn't asked for values of this kind.
const HostValues* host_values(ValueKind kind);

/// In single quotes for bash and zsh, where the text may have any characters.
std::string single_quoted(std::string_view text);

} // namespace tcpdwell::cli

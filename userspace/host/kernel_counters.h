// SPDX-License-Identifier: Apache-2.0
// What the kernel counts about TCP by itself, per network namespace: /proc/net/snmp and netstat.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdwell::host {

struct KernelCounter {
    std::string name;    ///< "TcpExt.ListenOverflows"
    std::uint64_t value; ///< since the namespace began
};

/// The counters of interest in a text that has a line of names and a line of values for each
/// group ("Tcp: ActiveOpens ...", "Tcp: 5 ..."), in the order of the text. Those whose value isn't
/// a number of 64 bits are left out, as are groups whose two lines don't fit each other.
std::vector<KernelCounter> parse_kernel_counters(std::string_view text);

/// Those of the calling thread's network namespace, as far as the kernel has them.
std::vector<KernelCounter> read_kernel_counters();

} // namespace tcpdwell::host

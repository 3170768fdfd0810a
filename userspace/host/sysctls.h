// SPDX-License-Identifier: Apache-2.0
// The sysctls that govern how long connections stay in which state.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdwell::host {

struct Sysctl {
    std::string_view name; ///< "net.ipv4.tcp_fin_timeout"
    std::string value;     ///< one line, fields separated by one space
};

/// Names of all sysctls of interest.
std::span<const std::string_view> tcp_sysctl_names();

/// Their values in the calling thread's network namespace; those that the kernel doesn't have are
/// left out.
std::vector<Sysctl> read_tcp_sysctls();

} // namespace tcpdwell::host

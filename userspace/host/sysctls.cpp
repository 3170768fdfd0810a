// SPDX-License-Identifier: Apache-2.0
// /proc/sys/net shows the network namespace of the task that reads, so a thread that has changed
// its own sees the other's.
#include "host/sysctls.h"

#include <algorithm>
#include <array>

#include "host/proc_file.h"

namespace tcpdwell::host {
namespace {

constexpr std::array<std::string_view, 20> names = {
    "net.ipv4.tcp_fin_timeout",       "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.ip_local_port_range",   "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_max_syn_backlog",   "net.core.somaxconn",
    "net.ipv4.tcp_rfc1337",           "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_orphan_retries",    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_keepalive_time",    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",  "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_syn_retries",       "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_abort_on_overflow", "net.ipv4.tcp_migrate_req",
};

std::string path_of(std::string_view name) {
    std::string path = "/proc/sys/" + std::string(name);
    std::replace(path.begin() + 10, path.end(), '.', '/');
    return path;
}

} // namespace

std::span<const std::string_view> tcp_sysctl_names() { return names; }

std::vector<Sysctl> read_tcp_sysctls() {
    std::vector<Sysctl> sysctls;
    for (const std::string_view name : names) {
        const auto text = read_proc_file(path_of(name).c_str());
        if (!text) continue;
        Sysctl sysctl{name, std::string(trimmed(*text))};
        std::replace(sysctl.value.begin(), sysctl.value.end(), '\t', ' ');
        sysctls.push_back(std::move(sysctl));
    }
    return sysctls;
}

} // namespace tcpdwell::host

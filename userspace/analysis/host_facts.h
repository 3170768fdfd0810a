// SPDX-License-Identifier: Apache-2.0
// What is known of the traced host and its network namespaces: release, names, sysctls.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "event/event.h"

namespace tcpdwell::analysis {

class HostFacts {
public:
    void on_fact(const event::Fact& fact);

    /// About the host: "version", "host", "kernel", "machine", "probes". nullopt: not known.
    [[nodiscard]] std::optional<std::string_view> about_host(std::string_view key) const;
    /// A sysctl ("net.ipv4.tcp_fin_timeout") of a network namespace; that of the namespace in which
    /// tracing was started, where the other's isn't known. nullopt: the kernel has none of that
    /// name.
    [[nodiscard]] std::optional<std::string_view> sysctl(std::uint32_t netns,
                                                         std::string_view name) const;
    /// The first number of it.
    [[nodiscard]] std::optional<std::uint64_t> sysctl_number(std::uint32_t netns,
                                                             std::string_view name) const;
    /// ip_local_port_range as [first, last].
    [[nodiscard]] std::optional<std::pair<std::uint32_t, std::uint32_t>>
    port_range(std::uint32_t netns) const;
    /// Sysctls of the namespace in which tracing was started, by name.
    [[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> own_sysctls() const;

private:
    std::map<std::pair<std::uint32_t, std::string>, std::string, std::less<>>
        values_; ///< netns 0: host and own
};

} // namespace tcpdwell::analysis

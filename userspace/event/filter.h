// SPDX-License-Identifier: Apache-2.0
// Which connections the user wants to see: one value, used in the kernel (as far as it can be
// decided there) and in user space, so that a live run and a recording select the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/event.h"
#include "event/process_tree.h"
#include "tcp/address.h"
#include "tcp/close.h"

namespace tcpdwell::event {

/// What a filter looks at.
struct FilterSubject {
    const tcp::FourTuple& tuple;
    std::uint32_t netns;
    tcp::Role role;
    const std::optional<Process>& process;
    const std::optional<Process>& closed_by;
    std::optional<std::string_view> cgroup; ///< path, nullopt if not known
    std::uint64_t connection = 0;           ///< its id; 0: it has none
    const ProcessTree* processes = nullptr; ///< nullptr: no descent is known
};

/// Every member that isn't empty must match; within a list, one entry must. What isn't known
/// doesn't match.
struct Filter {
    std::vector<tcp::Port> ports; ///< local or remote
    std::vector<tcp::Port> local_ports;
    std::vector<tcp::Port> remote_ports;
    std::vector<tcp::Cidr> addresses; ///< local or remote
    std::vector<std::uint32_t> pids;  ///< owner or closer
    std::vector<std::uint32_t> trees; ///< owner or closer, or an ancestor of it
    std::vector<std::string> comms;   ///< glob (fnmatch(3)) against the name of owner or closer
    std::vector<std::uint32_t> netns; ///< inodes
    std::vector<std::string> cgroups; ///< path, of the cgroup or of an ancestor
    std::vector<std::uint64_t> connections; ///< ids, which only a recording's reader knows
    std::optional<tcp::Family> family;
    std::optional<tcp::Role> role;

    [[nodiscard]] bool empty() const;
    [[nodiscard]] bool matches(const FilterSubject& subject) const;
    bool operator==(const Filter&) const = default;
};

/// Reads the texts of the filter options; the error names the option, the bad text and what would
/// be right.
Result<std::vector<tcp::Port>> parse_ports(std::string_view option,
                                           const std::vector<std::string>& texts);
Result<std::vector<tcp::Cidr>> parse_addresses(std::string_view option,
                                               const std::vector<std::string>& texts);
Result<std::vector<std::uint32_t>> parse_pids(std::string_view option,
                                              const std::vector<std::string>& texts);
/// As views print them: 16 hexadecimal digits.
Result<std::vector<std::uint64_t>> parse_connections(std::string_view option,
                                                     const std::vector<std::string>& texts);
Result<tcp::Role> parse_role(std::string_view text); ///< client or server

} // namespace tcpdwell::event

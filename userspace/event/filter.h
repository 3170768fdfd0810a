// SPDX-License-Identifier: Apache-2.0
// Which connections the user wants to see: one value, used in the kernel (as far as it can be
// decided there) and in user space, so that a live run and a recording select the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
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
    /// As views show it; nullopt if not known.
    std::optional<std::string_view> container = std::nullopt;
};

/// Ports from `first` (at least 1) to `last`, both included.
struct PortRange {
    // NOLINTNEXTLINE(google-explicit-constructor): a port is a range of one
    constexpr PortRange(tcp::Port port = 1) : first(port), last(port) {}
    constexpr PortRange(tcp::Port from, tcp::Port to) : first(from), last(to) {}

    [[nodiscard]] bool contains(tcp::Port port) const { return first <= port && port <= last; }
    bool operator==(const PortRange&) const = default;

    tcp::Port first;
    tcp::Port last;
};

/// The elements of one option: what is wanted (nothing: everything), and, by '!', what is excluded.
template <class T>
struct FilterList {
    FilterList() = default;
    FilterList(std::initializer_list<T> list) : wanted(list) {}

    std::vector<T> wanted;
    std::vector<T> excluded;

    [[nodiscard]] bool empty() const { return wanted.empty() && excluded.empty(); }
    /// `is(element)`: whether it is known that the element applies.
    template <class Is>
    [[nodiscard]] bool excludes(const Is& is) const {
        return std::any_of(excluded.begin(), excluded.end(), is);
    }
    template <class Is>
    [[nodiscard]] bool selects(const Is& is) const {
        return (wanted.empty() || std::any_of(wanted.begin(), wanted.end(), is)) && !excludes(is);
    }
    bool operator==(const FilterList&) const = default;
};

/// Every member that isn't empty must match: within a list, one of the wanted, if there are any,
/// and none of the excluded. What isn't known is neither wanted nor excluded.
struct Filter {
    FilterList<PortRange> ports; ///< local or remote
    FilterList<PortRange> local_ports;
    FilterList<PortRange> remote_ports;
    FilterList<tcp::Cidr> addresses; ///< local or remote
    FilterList<std::uint32_t> pids;  ///< owner or closer
    FilterList<std::uint32_t> trees; ///< owner or closer, or an ancestor of it
    FilterList<std::string> comms;   ///< glob (fnmatch(3)) against the name of owner or closer
    FilterList<std::uint32_t> netns; ///< inodes
    FilterList<std::string> cgroups; ///< path, of the cgroup or of an ancestor
    /// Glob against the container as views show it, its name alone, or its pod's.
    FilterList<std::string> containers;
    std::vector<std::uint64_t> connections; ///< ids, which only a recording's reader knows
    std::optional<tcp::Family> family;
    std::optional<tcp::Role> role;
    std::uint32_t sample = 1; ///< see is_in_sample()
    /// What there is was one flow in so many, by addresses that are others now: those that had a
    /// local port.
    std::uint32_t sampled = 1;

    [[nodiscard]] bool empty() const;
    [[nodiscard]] bool matches(const FilterSubject& subject) const;
    /// Whether a '!' of one of the lists says so.
    [[nodiscard]] bool excludes(const FilterSubject& subject) const;
    bool operator==(const Filter&) const = default;
};

/// Whether it is one of a sample of one flow in so many, by tcp::flow_of(): the same on all hosts.
/// What has no peer is in each sample; a flow whose local port isn't known, in none.
bool is_in_sample(const tcp::FourTuple& tuple, std::uint64_t sample);
inline constexpr std::uint32_t kMostSample = 1'000'000;
/// How many connections one in that sample stands for.
constexpr std::uint64_t weight_in_sample(const tcp::FourTuple& tuple, std::uint64_t sample) {
    return tuple.remote.port == 0 ? 1 : sample;
}
/// Of samples of samples: what is counted of any number of connections fits into 64 bits.
inline constexpr std::uint64_t kMostWeight = 1'000'000'000;
/// Of what is in both samples; kMostWeight at most, as is the following.
std::uint64_t sample_of_both(std::uint64_t one, std::uint64_t other);
/// Of what passes the filter and, if there are any, one of the others. Where those differ in their
/// samples, that of the one with the most.
std::uint64_t sample_of(const Filter& filter, const std::vector<Filter>& any_of);

/// The port of a TCP service by its name; the error says why it isn't known.
using PortByName = Result<tcp::Port> (*)(std::string_view name);

/// Reads the texts of the filter options, lists separated by commas; '!' before an element excludes
/// it. The error names the option, the bad text and what would be right.
Result<FilterList<std::string>> parse_texts(std::string_view option,
                                            const std::vector<std::string>& texts);
/// Numbers, ranges such as 8000-8100, and names if `by_name` is given.
Result<FilterList<PortRange>> parse_ports(std::string_view option,
                                          const std::vector<std::string>& texts,
                                          PortByName by_name = nullptr);
Result<FilterList<tcp::Cidr>> parse_addresses(std::string_view option,
                                              const std::vector<std::string>& texts);
Result<FilterList<std::uint32_t>> parse_pids(std::string_view option,
                                             const std::vector<std::string>& texts);
/// As views print them: 16 hexadecimal digits.
Result<std::vector<std::uint64_t>> parse_connections(std::string_view option,
                                                     const std::vector<std::string>& texts);
Result<tcp::Role> parse_role(std::string_view text); ///< client or server

} // namespace tcpdwell::event

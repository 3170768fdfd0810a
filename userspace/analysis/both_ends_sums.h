// SPDX-License-Identifier: Apache-2.0
// Joined connections added up: by pair of hosts, and by server.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "analysis/analysis.h"
#include "analysis/both_ends.h"

namespace tcpdwell::analysis {

/// Connections that one end alone was seen of, though the other's host was looked at.
struct UnmatchedEnds {
    std::uint64_t connections = 0;
    std::uint64_t outside = 0; ///< of which: while the other host wasn't looked at
};

/// Of a host that connects and one that serves.
struct HostPair {
    std::uint32_t client_host;
    std::uint32_t server_host;
    std::uint64_t joined = 0;
    UnmatchedEnds only_client;
    UnmatchedEnds only_server;
    std::optional<Nanoseconds> clock_difference; ///< median of server's opening time less client's
    std::vector<JoinedEnds> disagreements;       ///< the first kMostExamples by time
    static constexpr std::size_t kMostExamples = 10;
};

/// Of one server's endpoint and one host that connects to it.
struct ServedPair {
    std::uint32_t client_host;
    std::uint32_t server_host;
    tcp::Endpoint server;
    tcp::Family family = tcp::Family::ipv4;
    std::uint64_t connections = 0;
    EnumArray<Agreement, std::uint64_t> agreements;
    std::optional<Nanoseconds> client_established; ///< median of the time in ESTABLISHED
    std::optional<Nanoseconds> server_established;
    std::array<std::uint64_t, 4>
        time_wait{}; ///< which ends have been in TIME_WAIT: neither, client, server, both

    [[nodiscard]] std::uint64_t count(Agreement what) const { return agreements[what]; }
};

struct BothEndsSums {
    std::vector<HostPair> pairs; ///< by client's, then server's host; of those that have something
    std::vector<ServedPair> servers; ///< most disagreements first, then most connections
};

/// Connections count if the user's filter lets one of their ends pass; those seen alone if it lets
/// that one pass.
/// Each stands for `weight`, which is more than one in a sample.
BothEndsSums sum_up(std::span<const EndSummaries> hosts, const BothEnds& both, Weight weight);

} // namespace tcpdwell::analysis

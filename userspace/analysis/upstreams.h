// SPDX-License-Identifier: Apache-2.0
// What the processes of this host are connected to now: a process that serves may wait for it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "analysis/analysis.h"
#include "analysis/scope.h"

namespace tcpdwell::analysis {

/// Memory: some 100 bytes for each process that has connected, and 80 for each of at most 16
/// endpoints of it, twice, and the same for endpoints that are served; at most kMostProcesses of
/// each.
class Upstreams : public Analysis {
public:
    static constexpr std::size_t kMostProcesses = 10'000;

    void begin_live(MonoTime) override {
        by_pid_.clear();
        served_.clear();
        asked_.clear();
    }
    void on_live(const track::LiveSocket& socket, Weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime) override {}

    /// What these processes are connected to, as the remote endpoints of a scope.
    [[nodiscard]] Scope of(const std::set<std::uint32_t>& pids) const;
    /// The processes of this host that they are connected to.
    [[nodiscard]] std::set<std::uint32_t> servers_of(const std::set<std::uint32_t>& pids) const;

private:
    /// Each namespace has loopback addresses of its own; others are the host's.
    using Served = std::pair<std::uint32_t, tcp::Endpoint>;
    static Served served(std::uint32_t netns, const tcp::Endpoint& endpoint) {
        return {endpoint.address.is_loopback() ? netns : 0, endpoint};
    }

    std::map<std::uint32_t, Scope> by_pid_;
    void note_ends(const track::ConnectionIdentity& who);

    // Of those from before tracing, too.
    std::map<Served, std::set<std::uint32_t>> served_; ///< by which processes
    std::map<std::uint32_t, std::set<Served>> asked_;  ///< by that process
};

} // namespace tcpdwell::analysis

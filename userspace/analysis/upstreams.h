// SPDX-License-Identifier: Apache-2.0
// What the processes of this host are connected to now: a process that serves may wait for it.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "analysis/analysis.h"
#include "analysis/scope.h"

namespace tcpdwell::analysis {

/// Memory: some 100 bytes for each process that has connected, and 80 for each of at most 16
/// endpoints of it; at most kMostProcesses.
class Upstreams : public Analysis {
public:
    static constexpr std::size_t kMostProcesses = 10'000;

    void begin_live(MonoTime) override { by_pid_.clear(); }
    void on_live(const track::LiveSocket& socket, Weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime) override {}

    /// What these processes are connected to, as the remote endpoints of a scope.
    [[nodiscard]] Scope of(const std::set<std::uint32_t>& pids) const;

private:
    std::map<std::uint32_t, Scope> by_pid_;
};

} // namespace tcpdwell::analysis

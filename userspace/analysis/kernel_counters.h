// SPDX-License-Identifier: Apache-2.0
// The section on what the kernel counted itself in the time of a report.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "analysis/analysis.h"
#include "analysis/counter_growth.h"

namespace tcpdwell::analysis {

/// Only where there are readings: recordings of before have none.
class CounterAnalysis : public Analysis {
public:
    void on_counters(const track::CountersLine& line) {
        growth_.on_counters(line);
        has_readings_ = true;
    }
    void on_move(const track::StateMove& move, Weight) override;
    void begin_live(MonoTime) override { listeners_.clear(); }
    void on_live(const track::LiveSocket& socket, Weight) override;
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime) override;

    [[nodiscard]] const CounterGrowth& growth() const { return growth_; }
    /// The listening endpoint that counters of listeners must mean; nullptr if there are several in
    /// the namespace, or one has gone. Of those that were selected.
    struct Listener {
        tcp::Endpoint local;
        tcp::Family family;
        std::optional<event::Process> process;
        std::uint64_t cgroup = 0; ///< 0: not known
        bool is_only = true;
    };
    [[nodiscard]] const Listener* only_listener(std::uint32_t netns) const;
    /// Whether a listener has gone that counters of listeners may mean.
    [[nodiscard]] bool has_lost_listener(std::uint32_t netns) const {
        return left_.contains(netns);
    }

private:
    CounterGrowth growth_;
    std::map<std::uint32_t, Listener> listeners_; ///< now; one for each namespace
    std::set<std::uint32_t> left_;                ///< namespaces where a listener has gone
    bool has_readings_ = false;
};

} // namespace tcpdwell::analysis

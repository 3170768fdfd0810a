// SPDX-License-Identifier: Apache-2.0
// Runs all analyses on the tracker's output and makes reports. The catalog of analyses is its
// constructor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analysis/accept_queues.h"
#include "analysis/analysis.h"
#include "analysis/causes.h"
#include "analysis/counter_check.h"
#include "analysis/dwell.h"
#include "analysis/findings.h"
#include "analysis/flows.h"
#include "analysis/heard_hosts.h"
#include "analysis/kernel_counters.h"
#include "analysis/listener_times.h"
#include "analysis/lives.h"
#include "analysis/local_pairs.h"
#include "analysis/metrics.h"
#include "analysis/open_sockets.h"
#include "analysis/overview.h"
#include "analysis/stray_resets.h"
#include "analysis/thresholds.h"
#include "analysis/timeline.h"
#include "analysis/unknown_connections.h"
#include "analysis/upstreams.h"
#include "analysis/workers.h"

namespace tcpdwell::analysis {

struct ReportOptions {
    SplitBy by = SplitBy::none;
    Thresholds thresholds;
    RunDescription run;
    /// Is shown what each report looks at and finds; it gets the lines itself. Not owned; nullptr:
    /// none.
    Metrics* metrics = nullptr;
    /// Called now and then while a report is made, which takes long where there are many sockets.
    /// It must not change what the report is made of.
    std::function<void()> meanwhile = [] {};
};

/// How many sockets are looked at between two calls of ReportOptions::meanwhile.
inline constexpr std::size_t kSocketsInOneGo = 4096;

/// Makes reports on all connections whose lines are passed to it.
class ReportMaker final : public track::TrackerListener {
public:
    /// `begin`: start of the period that the first report covers.
    ReportMaker(ReportOptions options, MonoTime begin);
    ReportMaker(const ReportMaker&) = delete;
    ReportMaker& operator=(const ReportMaker&) = delete;

    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override {
        counters_.on_counters(line);
        check_.on_counters(line);
    }
    void on_stray_reset(const track::StrayResetLine& line) override;

    /// A report on the time since the last one (or `begin`), up to `now`. Of the sockets that
    /// `tracker` holds, only those that had a move here are counted.
    report::Report make(const track::Tracker& tracker, const event::DataQuality& quality,
                        const HostFacts& host, const ClockAnchor& clock, const CgroupNames& cgroups,
                        MonoTime now);
    /// The next report begins at `now`.
    void next_interval(MonoTime now);

    [[nodiscard]] MonoTime begin() const { return begin_; }
    /// Services, remote servers and ports as of the last report.
    [[nodiscard]] const Flows& flows() const { return flows_; }
    /// Whether the connection or listener is counted as being there.
    [[nodiscard]] bool counts(const track::ConnectionIdentity& who) const {
        return flows_.counts(who);
    }
    [[nodiscard]] std::uint64_t ended() const {
        return ended_;
    } ///< connections, for a progress line

private:
    [[nodiscard]] Weight weight_of(const track::ConnectionIdentity& who) const {
        return event::weight_in_sample(who.tuple, options_.run.sample);
    }
    /// Adds it to all_, and to the lists of what it takes.
    template <class Each>
    void add(Each& analysis);

    ReportOptions options_;
    MonoTime begin_;
    std::uint64_t ended_ = 0;
    Lives lives_;
    Flows flows_; ///< first: the others query it
    ListenerTimes listeners_;
    Dwell dwell_;
    OpenSockets live_;
    TimelineAnalysis timeline_;
    CounterAnalysis counters_;
    StrayResetAnalysis stray_resets_;
    AcceptQueues accepts_;
    UnknownConnections unknown_;
    Upstreams upstreams_;
    Workers workers_;
    CounterCheck check_;
    LocalPairs pairs_;
    HeardHosts heard_;
    Causes causes_;
    Overview overview_;
    std::vector<Analysis*> all_; ///< in the order in which they are notified and add sections
    // Of these, those that take such lines: most take few, and there are many lines.
    std::vector<Analysis*> for_moves_;
    std::vector<Analysis*> for_transitions_;
    std::vector<Analysis*> for_connections_;
    std::vector<Analysis*> for_live_;
};

} // namespace tcpdwell::analysis

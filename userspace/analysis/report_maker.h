// SPDX-License-Identifier: Apache-2.0
// All analyses together: takes what the tracker tells, makes reports. The catalog of analyses is
// its constructor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/analysis.h"
#include "analysis/dwell.h"
#include "analysis/findings.h"
#include "analysis/flows.h"
#include "analysis/open_sockets.h"
#include "analysis/overview.h"
#include "analysis/thresholds.h"
#include "analysis/timeline.h"

namespace tcpdwell {

struct ReportOptions {
    SplitBy by = SplitBy::none;
    Thresholds thresholds;
    RunDescription run;
};

/// Makes reports on all connections that it is given lines of.
class ReportMaker final : public TrackerListener {
public:
    /// `begin`: the time that the first report tells of begins here.
    ReportMaker(ReportOptions options, MonoTime begin);

    void on_move(const StateMove& move) override;
    void on_transition(const TransitionLine& line) override;
    void on_connection(const ConnectionLine& line) override;
    void on_lost(const LostLine& line) override;

    /// A report on the time since the last one (or `begin`), up to `now`. Of what `tracker` holds,
    /// only that counts which has had a move here.
    Report make(const Tracker& tracker, const DataQuality& quality, const HostFacts& host,
                const ClockAnchor& clock,
                const std::function<std::optional<std::string_view>(std::uint64_t)>& cgroup_path,
                MonoTime now);
    /// The next report begins at `now`.
    void next_interval(MonoTime now);

    [[nodiscard]] MonoTime begin() const { return begin_; }
    [[nodiscard]] std::uint64_t ended() const {
        return ended_;
    } ///< connections, for a progress line

private:
    ReportOptions options_;
    MonoTime begin_;
    std::uint64_t ended_ = 0;
    Flows flows_; ///< first: the others ask it
    Dwell dwell_;
    OpenSockets live_;
    TimelineAnalysis timeline_;
    Overview overview_;
    std::array<Analysis*, 5> all_; ///< in the order in which they are told, and add their sections
};

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
// From the tracker's lines to what the screen shows: the report, and beside it what there is now.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>

#include "analysis/report_maker.h"
#include "run/pipe.h"
#include "screen/screen_data.h"

namespace tcpdwell::screen {

/// Memory: that of a report, and what ScreenData keeps.
class Collector final : public track::TrackerListener {
public:
    /// `begin`: of what is counted.
    Collector(analysis::ReportOptions options, MonoTime begin);

    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

    /// What there is to be seen now, but for the source.
    ScreenData collect(const run::RunState& state, const run::Context& context);
    /// Counts begin anew at `now`; sockets and rates stay.
    void restart(MonoTime now);

private:
    void add_groups(ScreenData& data, const analysis::HostFacts& host) const;
    void add_sockets(ScreenData& data, const track::Tracker& tracker);
    void set_rates(std::vector<GroupRow>& rows, TableKind kind, MonoTime now);
    void note_findings(ScreenData& data);
    static void name_containers(ScreenData& data, const analysis::CgroupNames& names);

    struct KnownFinding {
        std::string what;
        MonoTime changed;
    };

    std::uint64_t sample_; ///< one connection in so many is traced
    analysis::ReportMaker maker_;
    analysis::Pulse pulse_;
    std::deque<ConnectionEntry> ended_;
    MonoTime last_heard_{};
    MonoTime last_collected_{};
    std::array<std::map<RowKey, std::uint64_t>, kTables> opened_; ///< of each row, the last time
    bool has_rates_ = true; ///< `opened_` is of the counts that there are now
    std::array<std::map<RowKey, std::uint64_t>, kTables>
        ended_joined_; ///< of the connections that ended, those that were there before
    std::map<std::string, KnownFinding> findings_; ///< by id and subject
};

} // namespace tcpdwell::screen

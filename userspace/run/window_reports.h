// SPDX-License-Identifier: Apache-2.0
// Reports on the last minutes of a run that doesn't end, in memory that doesn't grow.
#pragma once

#include <memory>
#include <optional>

#include "analysis/report_maker.h"
#include "run/latest_counters.h"
#include "run/pipe.h"

namespace tcpdwell::run {

/// Two report makers, each of which begins anew, with the sockets that are there then, when it has
/// covered the window; the second begins in the middle of the first. So what is no longer in use
/// is forgotten, and a report covers the last half of the window at least, the whole of it at most.
class WindowReports final : public track::TrackerListener {
public:
    WindowReports(analysis::ReportOptions options, Nanoseconds window, const Context& context);

    void begin(MonoTime now);
    /// Begins makers anew whose time has come. After each batch.
    void advance(const RunState& state);
    [[nodiscard]] report::Report make(const RunState& state);
    /// Those of makers that begin from now on.
    void set_options(analysis::ReportOptions options, Nanoseconds window);

    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

private:
    [[nodiscard]] std::unique_ptr<analysis::ReportMaker> begin_with(const RunState& state);
    template <class Call>
    void for_each(Call call) {
        if (older_) call(*older_);
        if (newer_) call(*newer_);
    }

    analysis::ReportOptions options_;
    Nanoseconds window_;
    const Context& context_;
    std::unique_ptr<analysis::ReportMaker> older_; ///< that reports are made by
    std::unique_ptr<analysis::ReportMaker> newer_; ///< none in the first half of a window
    LatestCounters counters_;                      ///< where the growth of those to come begins
};

} // namespace tcpdwell::run

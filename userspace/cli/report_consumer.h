// SPDX-License-Identifier: Apache-2.0
// Makes the reports of a run: one at the end, or one for each interval.
#pragma once

#include <functional>
#include <optional>

#include "analysis/report_maker.h"
#include "cli/progress_line.h"
#include "run/pipeline.h"

namespace tcpdwell::cli {

/// Hands each report on as soon as it has been made.
class ReportConsumer final : public run::Consumer {
public:
    /// Is given each report, and whether it is the last. Returns whether another one is wanted.
    using Sink = std::function<Result<bool>(report::Report report, bool is_last)>;

    /// `context` outlives this.
    ReportConsumer(analysis::ReportOptions options, std::optional<Nanoseconds> interval,
                   const run::Context& context, Sink sink, bool shows_progress);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    void settled(const run::RunState& state) override;
    Result<void> finish() override;
    bool wants_look(MonoTime now) override;
    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

private:
    report::Report make(const run::RunState& state);

    analysis::ReportOptions options_;
    std::optional<Nanoseconds> interval_;
    const run::Context& context_;
    Sink sink_;
    bool is_wanted_ = true;      ///< another report
    bool is_look_asked_ = false; ///< for the report of this interval
    ProgressLine progress_;
    std::optional<analysis::ReportMaker> maker_; ///< from begin() to the last report
    std::optional<report::Report> last_;
};

} // namespace tcpdwell::cli

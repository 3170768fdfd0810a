// SPDX-License-Identifier: Apache-2.0
// What `report` prints: one report at the end, or one for each interval. Its caller does the
// printing.
#pragma once

#include <functional>
#include <optional>

#include "analysis/report_maker.h"
#include "cli/progress_line.h"
#include "run/pipeline.h"

namespace tcpdwell::cli {

class ReportPrinter final : public run::Consumer {
public:
    /// Is given each report, and whether it is the last. Returns whether another one is wanted.
    using Print = std::function<Result<bool>(report::Report report, bool is_last)>;

    /// `context` outlives this.
    ReportPrinter(analysis::ReportOptions options, std::optional<Nanoseconds> interval,
                  const run::Context& context, Print print, bool shows_progress);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    void settled(const run::RunState& state) override;
    Result<void> finish() override;
    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;

private:
    report::Report make(const run::RunState& state);

    analysis::ReportOptions options_;
    std::optional<Nanoseconds> interval_;
    const run::Context& context_;
    Print print_;
    bool is_wanted_ = true; ///< another report
    ProgressLine progress_;
    std::optional<analysis::ReportMaker> maker_; ///< from begin() to the last report
    std::optional<report::Report> last_;
};

} // namespace tcpdwell::cli

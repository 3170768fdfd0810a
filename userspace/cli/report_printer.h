// SPDX-License-Identifier: Apache-2.0
// What `report` prints: one report at the end, or one for each interval. Its caller does the
// printing.
#pragma once

#include <functional>
#include <optional>

#include "analysis/report_maker.h"
#include "cli/progress_line.h"
#include "run/pipeline.h"

namespace tcpdwell {

class ReportPrinter final : public Consumer {
public:
    /// Is given each report, and whether it is the last. Returns whether another one is wanted.
    using Print = std::function<Result<bool>(Report report, bool is_last)>;

    /// `context` outlives this.
    ReportPrinter(ReportOptions options, std::optional<Nanoseconds> interval,
                  const Context& context, Print print, bool shows_progress);

    void begin(const Context& context) override;
    Result<bool> flush(const RunState& state) override;
    void settled(const RunState& state) override;
    Result<void> finish() override;
    void on_move(const StateMove& move) override;
    void on_transition(const TransitionLine& line) override;
    void on_connection(const ConnectionLine& line) override;
    void on_lost(const LostLine& line) override;

private:
    Report make(const RunState& state);

    ReportOptions options_;
    std::optional<Nanoseconds> interval_;
    const Context& context_;
    Print print_;
    bool is_wanted_ = true; ///< another report
    ProgressLine progress_;
    std::optional<ReportMaker> maker_; ///< from begin() to the last report
    std::optional<Report> last_;
};

} // namespace tcpdwell

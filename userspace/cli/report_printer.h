// SPDX-License-Identifier: Apache-2.0
// What `report` prints: one report at the end, or one for each interval.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "analysis/report_maker.h"
#include "cli/progress_line.h"
#include "render/renderer.h"
#include "run/pipeline.h"
#include "run/selection.h"

namespace tcpdwell {

class ReportPrinter final : public Consumer {
public:
    using Render = std::function<std::string(const Report& report)>;

    /// `render` makes the text that goes to `out`; `keep` is given the last report. `context` and `out` outlive this.
    ReportPrinter(ReportOptions options, std::optional<Nanoseconds> interval, const Context& context, Output& out,
                  Render render, std::function<Result<void>(const Report&)> keep, bool shows_progress);

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
    Output& out_;
    Render render_;
    std::function<Result<void>(const Report&)> keep_;
    ProgressLine progress_;
    std::optional<ReportMaker> maker_; ///< from begin() to the last report
    std::optional<Report> last_;
};

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
// What `trace` and `report` print of a part of a recording, without the command line.
#pragma once

#include <algorithm>
#include <sstream>

#include "../run/recorded_story.h"
#include "cli/report_consumer.h"
#include "cli/trace_printer.h"
#include "render/report_formats.h"
#include "run/window_gate.h"

namespace tcpdwell::test {

inline run::RecordedSpan span_of(const recording::RecordingSource& source) {
    return {source.head().clock, source.end()};
}

/// The lines of `trace`, sorted: each of them has its time, and two windows report the same ones in
/// another order.
inline std::vector<std::string> trace_lines(const Fd& file, const run::TimeWindow& window,
                                            cli::TracePrinter::What what) {
    std::optional<MonoTime> last;
    if (window.until) last = *window.until + run::LineGate::kReportedLate;
    const auto source = replay(file, {0, window.since, last});
    const Fd printed = memory_file();
    render::Output out(printed.get());
    run::Context context;
    render::Output rendered(-1);
    cli::TracePrinter printer({.what = what, .idle = true}, context, rendered,
                              make_renderer(render::Format::jsonl, rendered, {}), out);
    run::LineGate gate(printer, window);
    EXPECT_TRUE(run_pipeline(*source, context, gate, {}, nullptr));
    std::vector<std::string> lines;
    std::istringstream text(contents_of(printed.get()));
    for (std::string line; std::getline(text, line);)
        if (!line.starts_with("{\"type\":\"meta\"")) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// The JSON of the reports, one a line; `gated`: through a gate, even if that has nothing to do.
inline Result<std::string> report_json_of(const Fd& file, const run::TimeWindow& window,
                                          bool gated = true,
                                          std::optional<Nanoseconds> interval = {}) {
    const auto source = replay(file, {0, window.since, window.until});
    std::string printed;
    run::Context context;
    const auto print = [&](const report::Report& report, bool) -> Result<bool> {
        printed += render::report_json(report) + "\n";
        return true;
    };
    cli::ReportConsumer reports({}, interval, context, print, false);
    run::PeriodGate gate(reports, window);
    run::Consumer& consumer = gated ? static_cast<run::Consumer&>(gate) : reports;
    const auto outcome = run_pipeline(*source, context, consumer, {}, nullptr);
    if (!outcome) return tl::unexpected(outcome.error());
    return printed;
}

} // namespace tcpdwell::test

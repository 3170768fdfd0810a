// SPDX-License-Identifier: Apache-2.0
// What `trace` and `report` print of a part of a recording, without the command line.
#pragma once

#include <algorithm>
#include <sstream>

#include "../run/recorded_story.h"
#include "cli/report_printer.h"
#include "cli/trace_printer.h"
#include "render/report_formats.h"
#include "run/window_gate.h"

namespace tcpdwell {

inline RecordedSpan span_of(const recording::RecordingSource& source) {
    return {source.head().clock, source.end()};
}

/// The lines of `trace`, sorted: each of them has its time, and two windows tell the same ones in
/// another order.
inline std::vector<std::string> trace_lines(const Fd& file, const TimeWindow& window,
                                            TracePrinter::What what) {
    std::optional<MonoTime> last;
    if (window.until) last = *window.until + LineGate::kToldLate;
    const auto source = replay(file, {0, window.since, last});
    const Fd printed = memory_file();
    Output out(printed.get());
    Context context;
    TracePrinter printer(what, true, context, out, make_renderer(Format::jsonl, out, {}));
    LineGate gate(printer, window);
    EXPECT_TRUE(run_pipeline(*source, context, gate, {}, nullptr));
    std::vector<std::string> lines;
    std::istringstream text(contents_of(printed.get()));
    for (std::string line; std::getline(text, line);)
        if (!line.starts_with("{\"type\":\"meta\"")) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// The JSON of the reports, one a line; `gated`: through a gate, even if that has nothing to do.
inline Result<std::string> report_json_of(const Fd& file, const TimeWindow& window,
                                          bool gated = true,
                                          std::optional<Nanoseconds> interval = {}) {
    const auto source = replay(file, {0, window.since, window.until});
    std::string printed;
    Context context;
    const auto print = [&](const Report& report, bool) -> Result<bool> {
        printed += report_json(report) + "\n";
        return true;
    };
    ReportPrinter printer({}, interval, context, print, false);
    PeriodGate gate(printer, window);
    Consumer& consumer = gated ? static_cast<Consumer&>(gate) : printer;
    const auto outcome = run_pipeline(*source, context, consumer, {}, nullptr);
    if (!outcome) return tl::unexpected(outcome.error());
    return printed;
}

} // namespace tcpdwell

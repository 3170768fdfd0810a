// SPDX-License-Identifier: Apache-2.0
// The renderers of whole reports. They handle sections and cells, never connections.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "report/report_set.h"

namespace tcpdwell::render {

/// One JSON object in one line, without the line's end: a member for each section, by its id, then
/// "sections", which describes them (report_sections.h). Durations are integers in ns; what isn't
/// known, and every duration of a distribution without samples, is null.
std::string report_json(const report::Report& report);

/// That of the host; where there are several, {"hosts": [report...], "both_ends": {...},
/// "sections": [...]}.
std::string report_json(const report::ReportSet& reports);

/// How a report for people may look.
struct TextStyle {
    std::size_t width = 80; ///< characters a line; at least 80
    bool colour = false;
    bool unicode = false;  ///< bars of block characters instead of '#'
    std::size_t rows = 12; ///< of a table of services or ports; what is left out is reported
};

/// Headings, tables and bars; ends with a line's end. No line is longer than the width, but for
/// addresses and names that are.
std::string report_text(const report::Report& report, const TextStyle& style);

/// That of the host; where there are several, one after the other, each under a heading, then the
/// report on both ends.
std::string report_text(const report::ReportSet& reports, const TextStyle& style);

} // namespace tcpdwell::render

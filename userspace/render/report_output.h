// SPDX-License-Identifier: Apache-2.0
// The outputs that there are of a report. One more is a file that renders it, and a row in
// report_catalog.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "render/report_formats.h"

namespace tcpdwell::render {

struct ReportOutput {
    std::string_view name; ///< as --format takes it
    std::string_view help; ///< a phrase
    /// All that is printed, the end of the last line included.
    std::string (*render)(const report::ReportSet& reports, const TextStyle& style);
    /// Is made of HostReport::metrics, of one host and one moment.
    bool needs_metrics = false;
};

/// Those that go to stdout, the preset first.
std::span<const ReportOutput> report_outputs();
/// nullptr: there is none of this name.
const ReportOutput* find_report_output(std::string_view name);

/// The page, which goes to a file beside what is printed.
const ReportOutput& page_output();

} // namespace tcpdwell::render

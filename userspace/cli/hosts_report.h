// SPDX-License-Identifier: Apache-2.0
// Reports on several hosts at once, from their recordings: each host's own, then what both ends of their connections
// tell. One host is read after the other, each by itself, so that nothing of one is taken for another's.
#pragma once

#include <vector>

#include "analysis/report_maker.h"
#include "base/result.h"
#include "cli/output_file.h"
#include "cli/view_run.h"
#include "render/report_formats.h"

namespace tcpdwell {

struct HostsReportOptions {
    ReportOptions report; ///< of each host, but for the source
    bool as_json = false; ///< {"hosts": [report...], "both_ends": {...}} instead of text
    TextStyle style;
    OutputFile* page = nullptr; ///< where all of it goes as a page as well
    bool shows_progress = false;
};

/// Prints to stdout; `runs` are of one host each, two at least. The exit status is that of the first run that has
/// another one than 0. A signal ends the host under way and leaves out those after it, as does a closed pipe.
Result<int> report_hosts(std::vector<ViewRun> runs, const HostsReportOptions& options);

} // namespace tcpdwell

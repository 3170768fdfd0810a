// SPDX-License-Identifier: Apache-2.0
// Reports on several hosts at once, from their recordings: each host's own, then the one on both
// ends of their connections. Hosts are read one after the other and separately, so that data of one
// is never attributed to another.
#pragma once

#include <vector>

#include "analysis/report_maker.h"
#include "base/result.h"
#include "cli/view_run.h"
#include "report/report_set.h"

namespace tcpdwell::cli {

struct HostsOutcome {
    report::ReportSet reports;
    track::TrackerTotals totals; ///< of all hosts
    int status = 0;              ///< that of the first run that has another one than 0
};

/// `options` are those of each host, but for the source; `runs` are of one host each, two at least.
/// A signal ends the host under way and leaves out those after it.
Result<HostsOutcome> report_hosts(std::vector<ViewRun> runs, const analysis::ReportOptions& options,
                                  bool shows_progress);

} // namespace tcpdwell::cli

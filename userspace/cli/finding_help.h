// SPDX-License-Identifier: Apache-2.0
// What the ids of findings mean, with the thresholds that a report applies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/thresholds.h"
#include "base/result.h"
#include "report/report_set.h"

namespace tcpdwell::cli {

/// "3", "10%", "60s"
std::string threshold_text(analysis::ThresholdRow::Unit unit, double value);

/// Of all findings, in the order of `tcpdwell explain findings`.
std::vector<report::FindingHelp> finding_helps(const analysis::Thresholds& thresholds);

/// Prints the explanation of the finding and its thresholds. ErrorCode::usage: there is no such
/// finding.
Result<int> print_finding_help(std::string_view id, const analysis::Thresholds& thresholds);

} // namespace tcpdwell::cli

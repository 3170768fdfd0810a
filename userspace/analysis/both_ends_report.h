// SPDX-License-Identifier: Apache-2.0
// Report on the combined recordings of several hosts, separate from the reports on each host.
#pragma once

#include <cstdint>
#include <span>

#include "analysis/end_summaries.h"
#include "report/report.h"

namespace tcpdwell::analysis {

/// Sections `summary` (Facts), `hosts`, `pairs`, `servers` and `disagreements` (Tables) for
/// machines, and sections without an id for people. Which end is the client and which the server
/// is reported for each connection.
/// `sample`: the connections of `hosts` are one in so many.
report::Report both_ends_report(std::span<const EndSummaries> hosts, std::uint64_t sample);

} // namespace tcpdwell::analysis

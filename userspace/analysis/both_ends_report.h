// SPDX-License-Identifier: Apache-2.0
// What recordings of several hosts tell together: a report of its own, beside those of the hosts.
#pragma once

#include <span>

#include "analysis/end_summaries.h"
#include "report/report.h"

namespace tcpdwell {

/// Sections `summary` (Facts), `hosts`, `pairs`, `servers` and `disagreements` (Tables) for
/// machines, and sections without an id for people. Who is client and who is server is told for
/// each connection.
Report both_ends_report(std::span<const EndSummaries> hosts);

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
// Samples are data only; what the page needs to know about it comes from where real reports have it
// from.
#pragma once

#include <string>
#include <vector>

#include "samples.h"

namespace tcpdwell::test {

/// The report on one host, with its "sections".
Json described(Json report);

/// Reports on several hosts of these names, with the "sections" of them all and of "both_ends".
Json described_hosts(Json reports, const std::vector<std::string>& names);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// The metrics as words to explain.
#pragma once

#include <string_view>
#include <vector>

#include "explain/explain.h"

namespace tcpdwell::cli {

/// All of them, from the table that `serve` has its names and helps from; they live as long as the
/// program.
const std::vector<explain::Explanation>& metric_explanations();

/// The one that `word` means: with or without "tcpdwell_", or a series of a histogram
/// (handshake_seconds_bucket); nullptr: none.
const explain::Explanation* explain_metric(std::string_view word);

} // namespace tcpdwell::cli

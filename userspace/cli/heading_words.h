// SPDX-License-Identifier: Apache-2.0
// The headings of tables as words to explain.
#pragma once

#include <string_view>
#include <vector>

#include "explain/explain.h"

namespace tcpdwell::cli {

/// All of them, of trace, report and top, from the tables themselves; a heading that means
/// something else in another table is there once for each meaning. They live as long as the
/// program.
const std::vector<explain::Explanation>& heading_explanations();

/// Those that `word` means: in upper or lower case, "tw-now" and "tw_now" as well as "TW NOW".
std::vector<const explain::Explanation*> explain_heading(std::string_view word);

} // namespace tcpdwell::cli

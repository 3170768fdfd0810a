// SPDX-License-Identifier: Apache-2.0
// The words that a page explains in place.
#pragma once

#include <vector>

#include "report/report.h"

namespace tcpdwell::cli {

/// States and the values of keys such as `ending`, each with what it means in a line.
std::vector<report::TextPart> words_of_reports();

} // namespace tcpdwell::cli

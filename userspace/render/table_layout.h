// SPDX-License-Identifier: Apache-2.0
// Which columns a table shows, and how wide they are.
#pragma once

#include <cstddef>
#include <vector>

#include "report/column.h"

namespace tcpdwell::render {

struct ColumnPlace {
    std::size_t cell;  ///< of a row
    std::size_t width; ///< in characters
};

/// From the left. `width`: of the terminal; 0: there is room for everything. The most important
/// columns are shown that fit in, at least one; they get their usual widths from the left as far as
/// there is room, and the last one the rest.
std::vector<ColumnPlace> lay_out(const report::Schema& schema, std::size_t width);

} // namespace tcpdwell::render

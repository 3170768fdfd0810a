// SPDX-License-Identifier: Apache-2.0
// The columns of each table, with how a cell of it comes from a row.
#pragma once

#include <span>

#include "screen/table.h"

namespace tcpdwell::screen {

template <class Row>
struct TableCell {
    TableColumn column;
    report::Value (*value)(const Row& row, const ScreenData& data);
};
using GroupCell = TableCell<GroupRow>;
using ConnectionCell = TableCell<ConnectionEntry>;

/// Of every table but that of connections.
std::span<const GroupCell> group_cells(TableKind kind);
std::span<const ConnectionCell> connection_cells();

} // namespace tcpdwell::screen

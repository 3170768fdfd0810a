// SPDX-License-Identifier: Apache-2.0
#include "render/table_layout.h"

#include <algorithm>
#include <cassert>

namespace tcpdwell::render {
namespace {

std::size_t column_of(const report::Schema& schema, std::string_view id) {
    const auto column = std::ranges::find(schema.columns, id, &report::Column::id);
    assert(column != schema.columns.end());
    return static_cast<std::size_t>(column - schema.columns.begin());
}

std::size_t usual_width(const report::Column& column) {
    return static_cast<std::size_t>(column.width);
}

std::size_t least_width(const report::Column& column) {
    return static_cast<std::size_t>(column.least > 0 ? column.least : column.width);
}

/// All columns of the table, with no width yet.
std::vector<ColumnPlace> all_columns(const report::Schema& schema) {
    std::vector<ColumnPlace> columns;
    if (schema.table.empty())
        for (std::size_t i = 0; i < schema.columns.size(); ++i) columns.push_back({i, 0});
    for (const std::string_view id : schema.table) columns.push_back({column_of(schema, id), 0});
    return columns;
}

/// Their cells, the most important first.
std::vector<std::size_t> by_importance(const report::Schema& schema,
                                       const std::vector<ColumnPlace>& columns) {
    std::vector<std::size_t> cells;
    for (const std::string_view id : schema.by_importance) cells.push_back(column_of(schema, id));
    if (cells.empty())
        for (const ColumnPlace& column : columns) cells.push_back(column.cell);
    return cells;
}

} // namespace

std::vector<ColumnPlace> lay_out(const report::Schema& schema, std::size_t width) {
    std::vector<ColumnPlace> columns = all_columns(schema);
    if (width == 0) {
        for (ColumnPlace& column : columns) column.width = usual_width(schema.columns[column.cell]);
        return columns;
    }
    std::size_t taken = 0;
    for (const std::size_t cell : by_importance(schema, columns)) {
        const std::size_t least = least_width(schema.columns[cell]);
        const std::size_t blank = taken == 0 ? 0 : 1;
        if (taken > 0 && taken + blank + least > width) continue;
        std::ranges::find(columns, cell, &ColumnPlace::cell)->width =
            taken == 0 ? std::min(least, width) : least;
        taken += blank + least;
    }
    std::erase_if(columns, [](const ColumnPlace& column) { return column.width == 0; });
    std::size_t room = width > taken ? width - taken : 0;
    for (ColumnPlace& column : columns) {
        const std::size_t usual = usual_width(schema.columns[column.cell]);
        const std::size_t more =
            std::min(room, usual > column.width ? usual - column.width : std::size_t{0});
        column.width += more;
        room -= more;
    }
    if (!columns.empty()) columns.back().width += room;
    return columns;
}

} // namespace tcpdwell::render

// SPDX-License-Identifier: Apache-2.0
// Columns and schemas: what a stream of rows is made of, declared once and used by every renderer.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "report/value.h"

namespace tcpdwell::report {

enum class Align : std::uint8_t { left, right };

/// Which part of a cell stays where the terminal has no room for all of it.
enum class Keep : std::uint8_t { front, back };

/// Into how many columns a flat format (CSV) takes a cell apart. Has to be known before the first
/// row, and for cells that are null, so it can't be derived from the value.
enum class Shape : std::uint8_t {
    single,    ///< every value but the following: `id`
    endpoint,  ///< EndpointValue: `id`_addr, `id`_port
    process,   ///< ProcessValue: `id`_pid, `id`_comm
    time_wait, ///< TimeWaitValue: `id`_dwell_ns, `id`_end, `id`_restarts
    accept,    ///< these and the following: ObjectParts, a column for each: `id`_NAME
    bytes,
    segments,
    rtt,
    limited,
    idle,
};

/// One column. `id` is the JSON key and the CSV heading (see Shape); `title` heads the table, in a
/// report in outputs that are wider than a line of text (see TableView).
struct Column {
    std::string_view id;
    std::string_view title;
    std::string_view help; ///< one sentence with the unit, for --help and documents
    int width = 0;         ///< usual width in a table
    Align align = Align::left;
    Shape shape = Shape::single;
    int least = 0; ///< width that is still of use on a narrow terminal; 0: the usual one
    Keep keep = Keep::front;
};

/// A kind of row. `type` is the JSON "type". The order of `columns` is that of the cells of a row,
/// of the JSON keys and of the CSV columns; a table may show fewer of them, in another order.
struct Schema {
    std::string_view type;
    std::span<const Column> columns;
    /// Ids of the columns of a table, from the left; empty: all, in schema order.
    std::span<const std::string_view> table = {};
    /// The same ids, the most important first, for terminals that have no room for all; empty: as
    /// in the table.
    std::span<const std::string_view> by_importance = {};
};

/// One cell per column of the schema, in its order.
using Row = std::span<const Value>;

} // namespace tcpdwell::report

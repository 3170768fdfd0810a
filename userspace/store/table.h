// SPDX-License-Identifier: Apache-2.0
// The tables that ends of connections, sums and findings are exported to: their columns, declared
// once, for the statements that create them and for the tests of the rows.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tcpdwell::store {

/// What a column holds, apart from the server's word for it.
enum class ColumnKind : std::uint8_t {
    seconds, ///< a moment, of which ClickHouse makes partitions
    word,    ///< one of few texts; '' is not known
    text,    ///< one of many; '' is not known
    u8,
    u16,
    u32,
    u64,
    i64,
    real,
    words, ///< an array, as are the following
    numbers,
    known_numbers, ///< some of which may be null
};

struct ExportColumn {
    std::string_view name;
    ColumnKind kind;
    bool may_be_null = false;
    std::string_view comment = {}; ///< where it isn't a column of `trace --connections`
};

struct ExportTable {
    std::string_view name;
    std::string_view what; ///< a row of it
    std::span<const ExportColumn> columns;
    /// A row is replaced by a later one that is equal in these, and sorted by them.
    std::string_view key;
    std::string_view shard; ///< of a cluster: which server a row goes to, an integer expression
};

/// A row for each end of a connection that has ended.
const ExportTable& ends_table();
/// A row for each minute, service, container, role and state of a host.
const ExportTable& minutes_table();
/// A row for each finding of a report.
const ExportTable& findings_table();
/// All of them.
std::array<const ExportTable*, 3> tables();

} // namespace tcpdwell::store

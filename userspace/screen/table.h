// SPDX-License-Identifier: Apache-2.0
// The tables of the screen: columns, values, and the order of rows. What lies in a row is computed
// when it is needed: most rows are never shown.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "screen/screen_data.h"

namespace tcpdwell::screen {

struct TableColumn {
    std::string_view title; ///< by which it is known to the user
    std::string_view help;
    std::size_t width;      ///< columns of the screen; of texts the least
    std::size_t widest = 0; ///< of texts: more room than this is of no use; 0: `width`
    report::Align align = report::Align::right;
    int rank = 0;         ///< where there is no room those of the highest rank are left out first
    std::size_t tail = 0; ///< columns of the screen at the end of a text that stay when it is cut
};

/// How the rows are ordered.
struct SortChoice {
    std::size_t column = 0;
    bool ascending = false;
};

/// A table of one moment, which must outlive it.
class ScreenTable {
public:
    ScreenTable(TableKind kind, const ScreenData& data) : kind_(kind), data_(&data) {}

    [[nodiscard]] std::size_t size() const; ///< rows, before a filter
    [[nodiscard]] RowKey key(std::size_t row) const;
    /// Valid as long as the moment.
    [[nodiscard]] report::Value value(std::size_t row, std::size_t column) const;
    /// As shown, without colour: safe for a terminal.
    [[nodiscard]] std::string text(std::size_t row, std::size_t column) const;
    /// Rows of which some cell has each word of `filter`, whatever the case, in order; rows that
    /// are equal are ordered by their key.
    [[nodiscard]] std::vector<std::size_t> order(const SortChoice& by,
                                                 std::string_view filter) const;

    static std::span<const TableColumn> columns(TableKind kind);
    static std::string_view title(TableKind kind); ///< "Services"
    static SortChoice first_choice(TableKind kind);

private:
    [[nodiscard]] const ConnectionEntry& connection(std::size_t row) const;
    /// By their keys: which of two equal rows comes first.
    [[nodiscard]] bool precedes(std::size_t a, std::size_t b) const;

    TableKind kind_;
    const ScreenData* data_;
};

} // namespace tcpdwell::screen

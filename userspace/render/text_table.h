// SPDX-License-Identifier: Apache-2.0
// Tables of a report as aligned text.
#pragma once

#include <string>
#include <vector>

#include "render/report_formats.h"
#include "report/report.h"

namespace tcpdwell::render {

/// One cell that is text already.
struct TextCell {
    std::string text;      ///< with colours
    std::size_t width = 0; ///< characters that are seen
};

/// Collects lines of aligned cells. A column is as wide as its widest cell, at least `width`; no
/// line ends in spaces.
class TextTable {
public:
    struct Column {
        std::string_view title;
        std::size_t width;
        report::Align align;
    };

    TextTable(std::vector<Column> columns, bool colour)
        : columns_(std::move(columns)), colour_(colour) {}

    /// `below`: whole lines under the row.
    void add(std::vector<TextCell> row, std::string below = {}) {
        rows_.push_back(std::move(row));
        below_.push_back(std::move(below));
    }
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    /// Characters of the longest line that there can be.
    [[nodiscard]] std::size_t width() const;
    /// Heading and rows, each with `indent` spaces before it.
    void append_to(std::string& out, std::size_t indent) const;

private:
    [[nodiscard]] std::vector<std::size_t> widths() const;

    std::vector<Column> columns_;
    bool colour_;
    std::vector<std::vector<TextCell>> rows_;
    std::vector<std::string> below_; ///< parallel to rows_
};

/// A value as a cell.
TextCell text_cell(const report::Value& value, bool colour);
TextCell plain_cell(std::string text); ///< ASCII

/// The table's view, at most style.rows rows, and a line on what is left out.
void append_table(std::string& out, const report::Table& table, const TextStyle& style);

} // namespace tcpdwell::render

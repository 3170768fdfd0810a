// SPDX-License-Identifier: Apache-2.0
#include "render/text_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "render/cell.h"
#include "render/wrap.h"

namespace tcpdwell::render {
namespace {

constexpr std::size_t kGap = 1;

/// The cell or the part of a cell that `path` names.
report::Value value_at(const report::Table& table, const std::vector<report::Value>& row,
                       std::string_view path) {
    const report::Column* column = table.column_of(path);
    if (!column) return {};
    const report::Value& cell = row[static_cast<std::size_t>(column - table.columns.data())];
    const std::size_t dot = path.find('.');
    if (dot == std::string_view::npos) return cell;
    const auto* parts = std::get_if<std::span<const report::NumberPart>>(&cell);
    if (!parts) return {};
    for (const report::NumberPart& part : *parts)
        if (part.name == path.substr(dot + 1))
            return std::visit([](auto number) { return report::Value(number); }, part.number);
    return std::int64_t{0}; // a missing count is 0
}

} // namespace

TextCell text_cell(const report::Value& value, bool colour) {
    static constexpr report::Column plain{};
    CellText cell(colour);
    cell.append(plain, value);
    return {std::string(cell.text()), cell.width()};
}

TextCell plain_cell(std::string text) {
    const std::size_t width = text.size();
    return {std::move(text), width};
}

std::vector<std::size_t> TextTable::widths() const {
    std::vector<std::size_t> widths;
    for (const Column& column : columns_)
        widths.push_back(std::max(column.width, column.title.size()));
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].width);
    return widths;
}

std::size_t TextTable::width() const {
    std::size_t sum = 0;
    for (const std::size_t width : widths()) sum += width + kGap;
    return sum == 0 ? 0 : sum - kGap;
}

void TextTable::append_to(std::string& out, std::size_t indent) const {
    const std::vector<std::size_t> widths = this->widths();
    const auto append_row = [&](const auto& cell_at) {
        std::size_t owed = indent;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const TextCell cell = cell_at(i);
            const std::size_t padding = widths[i] - cell.width;
            if (columns_[i].align == report::Align::right) owed += padding;
            if (cell.width != 0) {
                out.append(owed, ' ').append(cell.text);
                owed = 0;
            } else if (columns_[i].align == report::Align::right) {
                owed += cell.width;
            }
            owed += kGap + (columns_[i].align == report::Align::left ? padding : 0);
        }
        out += '\n';
    };
    append_row([&](std::size_t i) {
        TextCell title = plain_cell(std::string(columns_[i].title));
        if (colour_) title.text = fmt::format("\x1b[1m{}\x1b[0m", title.text);
        return title;
    });
    for (std::size_t at = 0; at < rows_.size(); ++at) {
        append_row([&](std::size_t i) { return rows_[at][i]; });
        out += below_[at];
    }
}

void append_table(std::string& out, const report::Table& table, const TextStyle& style) {
    std::vector<report::TableView> shown = table.whole_view();
    std::erase_if(shown, [](const report::TableView& view) { return view.is_minor; });
    std::vector<TextTable::Column> columns;
    for (const report::TableView& view : shown)
        if (!view.is_below)
            columns.push_back({view.title, static_cast<std::size_t>(view.width), view.align});
    TextTable text(std::move(columns), style.colour);
    for (std::size_t i = 0; i < std::min(style.rows, table.rows.size()); ++i) {
        std::vector<TextCell> cells;
        std::string below;
        for (const report::TableView& view : shown) {
            const report::Value value = value_at(table, table.rows[i], view.path);
            if (view.is_below) // without colours, which would count as characters
                below += wrap(text_cell(value, false).text, std::max<std::size_t>(style.width, 80),
                              "    ");
            else
                cells.push_back(text_cell(value, style.colour));
        }
        text.add(std::move(cells), std::move(below));
    }
    text.append_to(out, 0);
    if (table.rows.size() > style.rows)
        out += fmt::format("({} more; --rows shows more of them, --format json all)\n",
                           table.rows.size() - style.rows);
}

} // namespace tcpdwell::render

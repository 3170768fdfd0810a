// SPDX-License-Identifier: Apache-2.0
// The table of the screen: which columns there is room for, and which rows.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "screen/layout_parts.h"
#include "screen/text_fit.h"

namespace tcpdwell::screen {
namespace {

/// From this rank on columns are left out rather than that texts are cut.
constexpr int kMinorRank = 2;

struct PlacedColumn {
    std::size_t index;
    std::size_t width;
};

/// Rows as texts, by row and column.
using CellTexts = std::vector<std::vector<std::string>>;

bool is_text(const TableColumn& column) { return column.widest != 0; }

/// How wide each column would like to be.
std::vector<std::size_t> wanted_widths(std::span<const TableColumn> columns,
                                       const CellTexts& cells) {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        std::size_t width = columns[i].width;
        for (const auto& row : cells)
            if (is_text(columns[i])) width = std::max(width, columns_of(row[i]));
        widths.push_back(is_text(columns[i]) ? std::min(width, columns[i].widest) : width);
    }
    return widths;
}

/// The columns that fit, texts as wide as there is room.
std::vector<PlacedColumn> place_columns(std::span<const TableColumn> columns,
                                        const CellTexts& cells, std::size_t width) {
    const std::vector<std::size_t> wanted = wanted_widths(columns, cells);
    std::vector<PlacedColumn> placed;
    for (std::size_t i = 0; i < columns.size(); ++i) placed.push_back({i, columns[i].width});
    const auto sum = [&](bool whole) {
        std::size_t all = placed.empty() ? 0 : placed.size() - 1;
        for (const PlacedColumn& each : placed) all += whole ? wanted[each.index] : each.width;
        return all;
    };
    while (placed.size() > 1) {
        // The last one of the highest rank.
        const auto last = std::max_element(placed.begin(), placed.end(), [&](auto& a, auto& b) {
            return columns[a.index].rank <= columns[b.index].rank;
        });
        const bool is_minor = columns[last->index].rank >= kMinorRank;
        if (sum(is_minor) <= width) break;
        placed.erase(last);
    }
    std::size_t room = width - std::min(width, sum(false));
    for (bool grew = true; grew && room > 0;) {
        grew = false;
        for (PlacedColumn& each : placed) {
            if (room == 0 || each.width >= wanted[each.index]) continue;
            ++each.width;
            --room;
            grew = true;
        }
    }
    return placed;
}

ScreenLine heading_line(std::span<const TableColumn> columns,
                        const std::vector<PlacedColumn>& placed, const SortChoice& sort,
                        const ScreenStyle& style) {
    ScreenLine line;
    for (const PlacedColumn& each : placed) {
        const TableColumn& column = columns[each.index];
        if (&each != placed.data()) line.push_back({" ", Tone::heading});
        line.push_back({fitted_text(column.title, each.width, column.align, style.unicode),
                        each.index == sort.column ? Tone::sorted : Tone::heading});
    }
    const std::size_t used = columns_of(line);
    line.push_back(
        {std::string(style.size.width - std::min(used, style.size.width), ' '), Tone::heading});
    return line;
}

ScreenLine row_line(const std::vector<std::string>& cells, std::span<const TableColumn> columns,
                    const std::vector<PlacedColumn>& placed, bool is_selected,
                    const ScreenStyle& style) {
    ScreenLine line;
    for (const PlacedColumn& each : placed) {
        const TableColumn& column = columns[each.index];
        const std::string& text = cells[each.index];
        const bool is_nothing = text == "0" || text == "0.0" || text == "-";
        const Tone tone = is_selected ? Tone::selected : is_nothing ? Tone::dim : Tone::plain;
        if (&each != placed.data()) line.push_back({" ", is_selected ? tone : Tone::plain});
        line.push_back({fitted_text(cut_middle(text, each.width, column.tail, style.unicode),
                                    each.width, column.align, style.unicode),
                        tone});
    }
    if (is_selected) {
        const std::size_t used = columns_of(line);
        line.push_back({std::string(style.size.width - std::min(used, style.size.width), ' '),
                        Tone::selected});
    }
    return line;
}

/// The tables to choose from, and on the right what is chosen.
ScreenLine choice_line(const ScreenData& data, const ViewState& view, std::size_t rows,
                       const ScreenStyle& style) {
    constexpr std::size_t kEnoughForWholeTitles = 78;
    const std::size_t width = style.size.width;
    ScreenLine line;
    for (std::size_t i = 0; i < kTables; ++i) {
        const auto kind = static_cast<TableKind>(i);
        std::string_view title = ScreenTable::title(kind);
        if (width < kEnoughForWholeTitles) title = title.substr(0, 4);
        const bool is_chosen = kind == view.table;
        line.push_back({fmt::format("{} {}", i + 1, title), is_chosen ? Tone::title : Tone::dim});
        line.push_back({" "});
    }
    const SortChoice& sort = view.sort();
    const std::string_view arrow =
        style.unicode ? (sort.ascending ? "▲" : "▼") : (sort.ascending ? "^" : "v");
    std::string chosen = fmt::format("{} row{} by {}{}", rows, rows == 1 ? "" : "s",
                                     ScreenTable::columns(view.table)[sort.column].title, arrow);
    if (!view.filter.empty()) chosen = fmt::format("/{} {}", view.filter, chosen);
    if (view.table == TableKind::connections && data.sockets > data.open.size())
        chosen = fmt::format("newest {} of {}, {}", data.open.size(), data.sockets, chosen);
    const std::size_t used = columns_of(line);
    const std::size_t room = width - std::min(width, used);
    const Piece piece = piece_of(chosen, room, style);
    line.push_back({std::string(room - columns_of(piece.text), ' ')});
    line.push_back(piece);
    return line;
}

/// Where the selection is now that the rows may have changed.
void settle_selection(ViewState& view, const ScreenTable& table,
                      const std::vector<std::size_t>& order, std::size_t shown) {
    if (view.follows && view.selected_key) {
        const auto place = std::ranges::find_if(
            order, [&](std::size_t row) { return table.key(row) == *view.selected_key; });
        if (place != order.end()) view.selected = static_cast<std::size_t>(place - order.begin());
    }
    view.selected = std::min(view.selected, order.size() - std::min<std::size_t>(1, order.size()));
    view.selected_key.reset();
    if (!order.empty()) view.selected_key = table.key(order[view.selected]);
    // The selected row is among those shown, and no room is left empty.
    view.first_row = std::min(view.first_row, view.selected);
    if (shown > 0 && view.selected >= view.first_row + shown)
        view.first_row = view.selected + 1 - shown;
    view.first_row = std::min(view.first_row, order.size() - std::min(shown, order.size()));
}

} // namespace

Lines table_lines(const ScreenData& data, ViewState& view, ViewExtent& extent, std::size_t rows,
                  const ScreenStyle& style) {
    const ScreenTable table(view.table, data);
    const auto columns = ScreenTable::columns(view.table);
    const std::vector<std::size_t> order = table.order(view.sort(), view.filter);
    settle_selection(view, table, order, rows);
    extent.rows = order.size();
    extent.rows_shown = rows;
    CellTexts cells;
    for (std::size_t i = view.first_row; i < order.size() && i < view.first_row + rows; ++i) {
        auto& row = cells.emplace_back();
        for (std::size_t column = 0; column < columns.size(); ++column)
            row.push_back(steady_text(table.text(order[i], column), style.unicode));
    }
    const std::vector<PlacedColumn> placed = place_columns(columns, cells, style.size.width);
    Lines lines;
    lines.push_back(choice_line(data, view, order.size(), style));
    lines.push_back(heading_line(columns, placed, view.sort(), style));
    for (std::size_t i = 0; i < cells.size(); ++i)
        lines.push_back(
            row_line(cells[i], columns, placed, view.first_row + i == view.selected, style));
    if (order.empty())
        lines.push_back(
            {{view.filter.empty() ? "Nothing yet" : "No row has that in it", Tone::dim}});
    return lines;
}

} // namespace tcpdwell::screen

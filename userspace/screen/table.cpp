// SPDX-License-Identifier: Apache-2.0
#include "screen/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <sstream>

#include "render/cell.h"
#include "screen/table_columns.h"

namespace tcpdwell::screen {
namespace {

using report::Value;

template <class Row>
std::vector<TableColumn> columns_of_cells(std::span<const TableCell<Row>> cells) {
    std::vector<TableColumn> columns;
    for (const auto& cell : cells) columns.push_back(cell.column);
    return columns;
}

/// What rows are ordered by: numbers by their size, all else by its text.
std::optional<double> number_of(const Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return static_cast<double>(*number);
    if (const auto* number = std::get_if<double>(&value)) return *number;
    if (const auto* duration = std::get_if<Nanoseconds>(&value))
        return static_cast<double>(duration->count());
    if (const auto* state = std::get_if<tcp::State>(&value))
        return static_cast<double>(std::ranges::find(kAllOf<tcp::State>, *state) -
                                   kAllOf<tcp::State>.begin());
    return std::nullopt;
}

std::string text_of(const Value& value) {
    static constexpr report::Column kPlain{};
    render::CellText text(false);
    if (const auto* number = std::get_if<double>(&value))
        text.append(fmt::format("{:.{}f}", *number, *number < 10 ? 1 : 0));
    else
        text.append(kPlain, value);
    return std::string(text.text());
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::vector<std::string> words_of_filter(std::string_view filter) {
    std::istringstream in(lower(std::string(filter)));
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

/// A row while it is being ordered.
struct OrderedRow {
    std::size_t row;
    std::optional<double> number;
    std::string text;
};

bool is_before(const OrderedRow& a, const OrderedRow& b) {
    if (a.number || b.number) return a.number < b.number; // not known: lowest
    return a.text < b.text;
}

} // namespace

std::size_t ScreenTable::size() const {
    return kind_ == TableKind::connections ? data_->open.size() + data_->ended.size()
                                           : data_->groups(kind_).size();
}

const ConnectionEntry& ScreenTable::connection(std::size_t row) const {
    return row < data_->open.size() ? data_->open[row] : data_->ended[row - data_->open.size()];
}

RowKey ScreenTable::key(std::size_t row) const {
    if (kind_ != TableKind::connections) return data_->groups(kind_)[row].key;
    RowKey key;
    key.connection = connection(row).id;
    return key;
}

bool ScreenTable::precedes(std::size_t a, std::size_t b) const {
    if (kind_ == TableKind::connections) return connection(a).id < connection(b).id;
    return data_->groups(kind_)[a].key < data_->groups(kind_)[b].key;
}

report::Value ScreenTable::value(std::size_t row, std::size_t column) const {
    if (kind_ == TableKind::connections)
        return connection_cells()[column].value(connection(row), *data_);
    return group_cells(kind_)[column].value(data_->groups(kind_)[row], *data_);
}

std::string ScreenTable::text(std::size_t row, std::size_t column) const {
    return text_of(value(row, column));
}

std::vector<std::size_t> ScreenTable::order(const SortChoice& by, std::string_view filter) const {
    const std::vector<std::string> words = words_of_filter(filter);
    const std::size_t columns = ScreenTable::columns(kind_).size();
    const auto passes = [&](std::size_t row) {
        std::string all;
        for (std::size_t i = 0; i < columns; ++i) all += text(row, i) + '\n';
        all = lower(std::move(all));
        return std::ranges::all_of(
            words, [&](const std::string& word) { return all.find(word) != std::string::npos; });
    };
    std::vector<OrderedRow> rows;
    for (std::size_t row = 0; row < size(); ++row) {
        if (!words.empty() && !passes(row)) continue;
        const Value cell = value(row, by.column);
        OrderedRow& added = rows.emplace_back(OrderedRow{row, number_of(cell), {}});
        if (!added.number && !std::holds_alternative<std::monostate>(cell))
            added.text = lower(text_of(cell));
    }
    std::ranges::sort(rows, [&](const OrderedRow& a, const OrderedRow& b) {
        if (is_before(a, b)) return by.ascending;
        if (is_before(b, a)) return !by.ascending;
        return precedes(a.row, b.row);
    });
    std::vector<std::size_t> order;
    for (const OrderedRow& row : rows) order.push_back(row.row);
    return order;
}

std::span<const TableColumn> ScreenTable::columns(TableKind kind) {
    static const std::array<std::vector<TableColumn>, kTables> all_columns = {
        columns_of_cells(group_cells(TableKind::services)),
        columns_of_cells(group_cells(TableKind::programs)),
        columns_of_cells(group_cells(TableKind::remotes)),
        columns_of_cells(group_cells(TableKind::ports)), columns_of_cells(connection_cells())};
    return all_columns[static_cast<std::size_t>(kind)];
}

std::string_view ScreenTable::title(TableKind kind) {
    switch (kind) {
    case TableKind::services: return "Services";
    case TableKind::programs: return "Programs";
    case TableKind::remotes: return "Remotes";
    case TableKind::ports: return "Ports";
    case TableKind::connections: return "Connections";
    }
    return {};
}

SortChoice ScreenTable::first_choice(TableKind kind) {
    const std::string_view wanted = kind == TableKind::ports         ? "HELD"
                                    : kind == TableKind::connections ? "FOR"
                                                                     : "CONNS";
    const auto all = columns(kind);
    const auto found = std::ranges::find(all, wanted, &TableColumn::title);
    return {static_cast<std::size_t>(found - all.begin()), kind == TableKind::connections};
}

} // namespace tcpdwell::screen

// SPDX-License-Identifier: Apache-2.0
// Aligned columns on a terminal.
#include <algorithm>
#include <cassert>
#include <vector>

#include "render/cell.h"
#include "render/formats.h"

namespace tcpdwell::render {
namespace {

constexpr std::string_view kRedOn = "\x1b[31m";
constexpr std::string_view kColourOff = "\x1b[0m";

/// Which cells of a row the table shows, in its order.
std::vector<std::size_t> table_order(const report::Schema& schema) {
    std::vector<std::size_t> order;
    if (schema.table.empty()) {
        for (std::size_t i = 0; i < schema.columns.size(); ++i) order.push_back(i);
    }
    for (const std::string_view id : schema.table) {
        const auto column =
            std::find_if(schema.columns.begin(), schema.columns.end(),
                         [id](const report::Column& candidate) { return candidate.id == id; });
        assert(column != schema.columns.end());
        order.push_back(static_cast<std::size_t>(column - schema.columns.begin()));
    }
    return order;
}

class TableRenderer final : public Renderer {
public:
    TableRenderer(Output& out, TableStyle style) : out_(out), style_(style), cell_(style.colour) {}

    void begin(const report::Schema& main) override {
        main_ = main.type;
        order_ = table_order(main);
        for (const std::size_t i : order_) {
            const report::Column& column = main.columns[i];
            cell_.clear();
            cell_.append(column.title, kBold);
            put_cell(column);
        }
        end_line();
    }

    void meta(std::span<const MetaEntry>) override {}

    void row(const report::Schema& schema, report::Row row) override {
        assert(row.size() == schema.columns.size());
        if (schema.type != main_) return notice(schema, row);
        for (const std::size_t i : order_) {
            cell_.clear();
            cell_.append(schema.columns[i], row[i]);
            put_cell(schema.columns[i]);
        }
        end_line();
    }

    void finish() override {}

private:
    /// Padding is deferred until text follows, so that no line ends in spaces.
    void put_cell(const report::Column& column) {
        const auto width = static_cast<std::size_t>(column.width);
        const std::size_t padding = width > cell_.width() ? width - cell_.width() : 0;
        if (column.align == report::Align::right) owed_spaces_ += padding;
        out_.buffer().append(owed_spaces_, ' ').append(cell_.text());
        owed_spaces_ = 1 + (column.align == report::Align::left ? padding : 0);
    }

    void end_line() {
        out_.buffer() += '\n';
        owed_spaces_ = 0;
    }

    void notice(const report::Schema& schema, report::Row row) {
        std::string& line = out_.buffer();
        CellText cell(false);
        if (style_.colour) line += kRedOn;
        line.append("-- ").append(schema.type) += ':';
        for (std::size_t i = 0; i < row.size(); ++i) {
            cell.clear();
            cell.append(schema.columns[i], row[i]);
            line.append(i == 0 ? " " : ", ")
                .append(schema.columns[i].id)
                .append(" ")
                .append(cell.text());
        }
        line += " --";
        if (style_.colour) line += kColourOff;
        line += '\n';
    }

    Output& out_;
    TableStyle style_;
    CellText cell_;
    std::string_view main_;
    std::vector<std::size_t> order_;
    std::size_t owed_spaces_ = 0;
};

} // namespace

std::unique_ptr<Renderer> make_table_renderer(Output& out, TableStyle style) {
    return std::make_unique<TableRenderer>(out, style);
}

} // namespace tcpdwell::render

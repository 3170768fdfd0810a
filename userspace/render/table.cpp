// SPDX-License-Identifier: Apache-2.0
// Aligned columns on a terminal.
#include <algorithm>
#include <cassert>
#include <vector>

#include "render/cell.h"
#include "render/formats.h"
#include "render/table_layout.h"

namespace tcpdwell::render {
namespace {

constexpr std::string_view kRedOn = "\x1b[31m";
constexpr std::string_view kColourOff = "\x1b[0m";

/// A column without room for all that it has to hold grows up to it, so that columns stay aligned
/// from then on.
constexpr std::size_t kWidest = 60;

constexpr std::size_t kSeconds = std::string_view("12:34:56").size();
constexpr std::size_t kWithoutFraction = kSeconds + 1; // there would be the point alone

class TableRenderer final : public Renderer {
public:
    TableRenderer(Output& out, TableStyle style)
        : out_(out), style_(style), cell_(style.colour, Blanks::none) {}

    void begin(const report::Schema& main) override {
        main_ = main.type;
        columns_ = lay_out(main, style_.width);
        for (ColumnPlace& place : columns_) {
            const report::Column& column = main.columns[place.cell];
            cell_.clear();
            cell_.append(column.title, kBold);
            put_cell(column, place);
        }
        end_line();
    }

    void meta(std::span<const MetaEntry>) override {}

    void row(const report::Schema& schema, report::Row row) override {
        assert(row.size() == schema.columns.size());
        if (schema.type != main_) return notice(schema, row);
        for (ColumnPlace& place : columns_) {
            const report::Column& column = schema.columns[place.cell];
            cell_.clear();
            cell_.append(column, row[place.cell]);
            // Of a time of day the first part is a time of day, too.
            const bool is_time = std::holds_alternative<WallTime>(row[place.cell]);
            if (is_time && place.width == kWithoutFraction) cell_.cut(kSeconds, column.keep, "");
            put_cell(column, place, is_time ? "" : style_.unicode ? kEllipsis : "~");
        }
        end_line();
    }

    void finish() override {}

private:
    static constexpr std::string_view kEllipsis = "\xe2\x80\xa6"; // U+2026

    /// Padding is deferred until text follows, so that no line ends in spaces.
    void put_cell(const report::Column& column, ColumnPlace& place, std::string_view mark = "") {
        const bool is_last = &place == &columns_.back();
        if (style_.width > 0)
            cell_.cut(place.width, column.keep, mark);
        else if (!is_last)
            place.width = std::max(place.width, std::min(cell_.width(), kWidest));
        const std::size_t padding = place.width > cell_.width() ? place.width - cell_.width() : 0;
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
    std::vector<ColumnPlace> columns_;
    std::size_t owed_spaces_ = 0;
};

} // namespace

std::unique_ptr<Renderer> make_table_renderer(Output& out, TableStyle style) {
    return std::make_unique<TableRenderer>(out, style);
}

} // namespace tcpdwell::render

// SPDX-License-Identifier: Apache-2.0
#include "render/selected_columns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/similar.h"
#include "base/text.h"

namespace tcpdwell::render {
namespace {

class SelectedColumns final : public Renderer {
public:
    SelectedColumns(std::unique_ptr<Renderer> next, const report::Schema& schema,
                    std::vector<std::size_t> cells)
        : next_(std::move(next)), cells_(std::move(cells)) {
        for (const std::size_t cell : cells_) columns_.push_back(schema.columns[cell]);
        schema_ = {schema.type, columns_};
    }

    void begin(const report::Schema& main) override {
        next_->begin(main.type == schema_.type ? schema_ : main);
    }
    void meta(std::span<const MetaEntry> entries) override { next_->meta(entries); }
    void row(const report::Schema& schema, report::Row row) override {
        if (schema.type != schema_.type) return next_->row(schema, row);
        row_.clear();
        for (const std::size_t cell : cells_) row_.push_back(row[cell]);
        next_->row(schema_, row_);
    }
    void summary(const report::Schema& schema, report::Row row) override {
        next_->summary(schema, row);
    }
    void finish() override { next_->finish(); }

private:
    std::unique_ptr<Renderer> next_;
    std::vector<std::size_t> cells_;
    std::vector<report::Column> columns_;
    report::Schema schema_;
    std::vector<report::Value> row_;
};

/// As it stands in JSON, or at the head of a table.
bool is_same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::vector<std::string> ids_of(const report::Schema& schema) {
    std::vector<std::string> ids;
    for (const report::Column& column : schema.columns) ids.emplace_back(column.id);
    return ids;
}

} // namespace

Result<std::unique_ptr<Renderer>> select_columns(std::unique_ptr<Renderer> next,
                                                 const report::Schema& schema,
                                                 std::span<const std::string> ids) {
    std::vector<std::size_t> cells;
    for (const std::string& id : ids) {
        const auto column = std::ranges::find_if(schema.columns, [&](const report::Column& each) {
            return is_same_word(each.id, id) || is_same_word(each.title, id);
        });
        if (column == schema.columns.end()) {
            const auto alike = most_alike(id, ids_of(schema));
            return fail(
                ErrorCode::usage,
                fmt::format("'{}' is no column of a {}{}; there are {}", printable(id), schema.type,
                            alike.empty()
                                ? ""
                                : fmt::format(" (did you mean {}?)", fmt::join(alike, " or ")),
                            fmt::join(ids_of(schema), ", ")));
        }
        cells.push_back(static_cast<std::size_t>(column - schema.columns.begin()));
    }
    return std::make_unique<SelectedColumns>(std::move(next), schema, std::move(cells));
}

} // namespace tcpdwell::render

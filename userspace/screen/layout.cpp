// SPDX-License-Identifier: Apache-2.0
#include "screen/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "render/duration.h"
#include "screen/layout_parts.h"
#include "screen/text_fit.h"

namespace tcpdwell::screen {
namespace {

constexpr std::size_t kLeastHeightForMeters = 16;
constexpr std::size_t kMostFindingLines = 5;

void append(Lines& lines, Lines more) { std::ranges::move(more, std::back_inserter(lines)); }

Layout too_small(const ScreenStyle& style) {
    const std::string text =
        fmt::format("Too small: {}x{} at least", kSmallestScreen.width, kSmallestScreen.height);
    Layout layout;
    layout.lines.push_back({piece_of(text, style.size.width, style, Tone::warning)});
    return layout;
}

Lines page_of(const ScreenData& data, const ViewState& view, const ScreenStyle& style) {
    switch (view.page) {
    case ViewState::Page::row: return row_page(data, view, style);
    case ViewState::Page::findings: return findings_page(data, style);
    case ViewState::Page::help: return help_page(data, view, style);
    case ViewState::Page::table: break;
    }
    return {};
}

void add_page(Layout& layout, const ScreenData& data, ViewState& view, const ScreenStyle& style) {
    Lines page = page_of(data, view, style);
    const std::size_t room = style.size.height - layout.lines.size() - 1;
    layout.extent.lines = page.size();
    layout.extent.lines_shown = room;
    view.first_line = std::min(view.first_line, page.size() - std::min(room, page.size()));
    for (std::size_t i = view.first_line; i < page.size() && i < view.first_line + room; ++i)
        layout.lines.push_back(std::move(page[i]));
}

void add_tables(Layout& layout, const ScreenData& data, ViewState& view, const ScreenStyle& style) {
    const std::size_t height = style.size.height;
    if (height >= kLeastHeightForMeters) append(layout.lines, meter_lines(data, style));
    // Of what is left, at most a third.
    const std::size_t left = height - layout.lines.size() - 4; // two headings, keys, and theirs
    append(layout.lines, finding_lines(data, std::min(kMostFindingLines, left / 3), style));
    const std::size_t rows = height - layout.lines.size() - 3;
    append(layout.lines, table_lines(data, view, layout.extent, rows, style));
}

} // namespace

std::string short_number(double number) {
    for (const auto& [unit, letter] : {std::pair(1e9, "G"), {1e6, "M"}, {1e4, "k"}}) {
        if (number < unit) continue;
        const double scaled = number / (unit == 1e4 ? 1e3 : unit);
        return fmt::format("{:.{}f}{}", scaled, scaled < 10 ? 2 : scaled < 100 ? 1 : 0, letter);
    }
    const bool is_whole = number == static_cast<double>(static_cast<std::int64_t>(number));
    return fmt::format("{:.{}f}", number, is_whole || number >= 100 ? 0 : 1);
}

std::string duration_text(std::optional<Nanoseconds> duration) {
    if (!duration) return "-";
    std::string text;
    render::append_duration(text, *duration);
    return text;
}

Piece piece_of(std::string_view text, std::size_t width, const ScreenStyle& style, Tone tone) {
    return {cut_text(steady_text(printable(text), style.unicode), width, style.unicode), tone};
}

std::size_t columns_of(const ScreenLine& line) {
    std::size_t columns = 0;
    for (const Piece& piece : line) columns += columns_of(piece.text);
    return columns;
}

Layout lay_out(const ScreenData& data, ViewState& view, const ScreenStyle& style) {
    if (style.size.width < kSmallestScreen.width || style.size.height < kSmallestScreen.height)
        return too_small(style);
    Layout layout;
    layout.extent.columns = ScreenTable::columns(view.table).size();
    append(layout.lines, source_lines(data, view, style));
    if (view.page == ViewState::Page::table)
        add_tables(layout, data, view, style);
    else
        add_page(layout, data, view, style);
    layout.lines.resize(style.size.height - 1);
    layout.lines.push_back(last_line(data, view, style));
    return layout;
}

} // namespace tcpdwell::screen

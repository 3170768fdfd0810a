// SPDX-License-Identifier: Apache-2.0
// The parts of the screen, each a number of lines.
#pragma once

#include "screen/layout.h"

namespace tcpdwell::screen {

using Lines = std::vector<ScreenLine>;

/// What is read, the time, losses: two lines.
Lines source_lines(const ScreenData& data, const ViewState& view, const ScreenStyle& style);
/// Rates, and sockets by state, with how they went: kMeterLines.
Lines meter_lines(const ScreenData& data, const ScreenStyle& style);
constexpr std::size_t kMeterLines = 5;
/// A heading, and at most `most` findings, a line for each.
Lines finding_lines(const ScreenData& data, std::size_t most, const ScreenStyle& style);
/// The tables to choose from, the heading, and so many rows. Sets what of `view` and `extent`
/// concerns rows.
Lines table_lines(const ScreenData& data, ViewState& view, ViewExtent& extent, std::size_t rows,
                  const ScreenStyle& style);
/// The keys, or the filter that is being typed.
ScreenLine last_line(const ScreenData& data, const ViewState& view, const ScreenStyle& style);

/// Pages of text, of any length.
Lines row_page(const ScreenData& data, const ViewState& view, const ScreenStyle& style);
Lines findings_page(const ScreenData& data, const ScreenStyle& style);
Lines help_page(const ScreenData& data, const ViewState& view, const ScreenStyle& style);

/// At most five characters: "123", "12.3", "12.3k", "4.56M".
std::string short_number(double number);
/// "3.05ms"; "-" for nothing.
std::string duration_text(std::optional<Nanoseconds> duration);
/// The text made safe and steady, cut to what is left of the line. What the pieces of a line take.
Piece piece_of(std::string_view text, std::size_t width, const ScreenStyle& style,
               Tone tone = Tone::plain);
std::size_t columns_of(const ScreenLine& line);

} // namespace tcpdwell::screen

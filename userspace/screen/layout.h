// SPDX-License-Identifier: Apache-2.0
// From a moment and what the user has chosen to the lines of the screen. Knows no terminal.
#pragma once

#include <string>
#include <vector>

#include "screen/view_state.h"

namespace tcpdwell::screen {

/// How a piece of text stands out. Without colours some of them look the same.
enum class Tone : std::uint8_t {
    plain,
    title,
    heading,
    sorted, ///< the heading of the column by which rows are ordered
    dim,
    good,
    info,
    warning,
    critical,
    selected,
};

struct Piece {
    std::string text;
    Tone tone = Tone::plain;
};
using ScreenLine = std::vector<Piece>;

struct ScreenSize {
    std::size_t width = 80;
    std::size_t height = 24;
    bool operator==(const ScreenSize&) const = default;
};
constexpr ScreenSize kSmallestScreen{40, 10};

struct ScreenStyle {
    ScreenSize size;
    bool unicode = true; ///< the locale's encoding is UTF-8
};

struct Layout {
    std::vector<ScreenLine> lines; ///< at most as many as the screen has, none wider than it
    ViewExtent extent;
};

/// Puts right what of `view` has become impossible: a selection behind the last row, say.
Layout lay_out(const ScreenData& data, ViewState& view, const ScreenStyle& style);

} // namespace tcpdwell::screen

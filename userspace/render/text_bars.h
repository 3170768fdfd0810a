// SPDX-License-Identifier: Apache-2.0
// Histograms as bars of text, zoomed to where the samples are.
#pragma once

#include <string>
#include <vector>

#include "render/report_formats.h"
#include "report/report.h"

namespace tcpdwell::render {

/// One bar: samples in [low, high). The first may stand for everything below `high`, the last for
/// everything from `low` on.
struct Bar {
    Nanoseconds low;
    Nanoseconds high;
    std::uint64_t count;
    enum class Kind : std::uint8_t { range, below, above } kind = Kind::range;
};

/// At most some ten bars, most of them with round bounds. Where nearly all samples lie within a
/// factor of four of each other the steps are equal, and the few outside are summed up in a bar of
/// their own at either end; else each step is a multiple of the one before. Empty without samples.
std::vector<Bar> bars_of(const report::Distribution& distribution);

/// A line for each bar.
void append_bars(std::string& out, const report::Distribution& distribution,
                 const TextStyle& style);

/// How a number went over time: one character for each of at most `width` steps, the highest of
/// them full.
std::string sparkline(const std::vector<std::uint64_t>& values, std::size_t width, bool unicode);

} // namespace tcpdwell::render

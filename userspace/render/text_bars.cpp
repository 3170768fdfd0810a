// SPDX-License-Identifier: Apache-2.0
#include "render/text_bars.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "render/duration.h"

namespace tcpdwell::render {
namespace {

constexpr std::size_t kMostBars = 10;
/// Up to this factor between the largest and the smallest, equal steps show more detail than
/// multiples.
constexpr std::int64_t kLinearFactor = 4;

/// The next of 1, 2, 5, 10, 20, 50, ... that isn't below `value`.
std::int64_t round_up_125(std::int64_t value) {
    std::int64_t power = 1;
    while (power < value / 10) power *= 10;
    for (const std::int64_t digit : {1, 2, 5, 10, 20, 50, 100})
        if (power * digit >= value) return power * digit;
    return value;
}

struct Range {
    std::int64_t low;
    std::int64_t high; ///< in it; not below `low`
};

/// Where the samples lie if the fraction `cut` of them is left out at either end.
Range middle_of(const report::Distribution& d, double cut) {
    const auto skip = static_cast<std::uint64_t>(cut * static_cast<double>(d.count));
    Range range{d.min.count(), d.max.count()};
    std::uint64_t passed = 0;
    if (skip != 0) {
        for (const report::DurationBucket& bucket : d.buckets) {
            if (passed <= skip) range.low = bucket.low.count();
            if (passed < d.count - skip) range.high = bucket.high.count() - 1;
            passed += bucket.count;
        }
    }
    return {std::max(range.low, d.min.count()), std::min(range.high, d.max.count())};
}

std::string text_of(Nanoseconds duration) {
    std::string text;
    append_duration(text, duration);
    return text;
}

/// Multiples of `step` around the range.
std::vector<std::int64_t> equal_steps(Range range, std::int64_t step) {
    std::vector<std::int64_t> bounds{range.low / step * step};
    while (bounds.back() <= range.high && bounds.back() <= INT64_MAX - step)
        bounds.push_back(bounds.back() + step);
    return bounds;
}

/// Whether no two neighbours look the same.
bool can_be_distinguished(const std::vector<std::int64_t>& bounds) {
    return std::adjacent_find(bounds.begin(), bounds.end(), [](std::int64_t a, std::int64_t b) {
               return text_of(Nanoseconds(a)) == text_of(Nanoseconds(b));
           }) == bounds.end();
}

/// Equal steps around the range, with round bounds. Where that zooms in so far that a bucket of the
/// histogram would lie across several bars, the bounds are those of buckets instead, so that each
/// bar counts exactly what its label states.
std::vector<std::int64_t> linear_bounds(Range range, const report::Distribution& d) {
    constexpr std::int64_t steps = 8;
    constexpr std::int64_t buckets_per_bar = 8;
    std::int64_t step = round_up_125(std::max<std::int64_t>((range.high - range.low) / steps, 1));
    std::uint64_t widest = 1; // the last bucket of all is 1 ns short of its power of two
    for (const report::DurationBucket& bucket : d.buckets)
        if (bucket.low.count() <= range.high)
            widest = std::max(widest, std::bit_ceil(static_cast<std::uint64_t>(
                                          (bucket.high - bucket.low).count())));
    const auto width = static_cast<std::int64_t>(widest);
    if (step / buckets_per_bar >= width) return equal_steps(range, step);
    step =
        (step + width - 1) / width * width; // bounds of the widest are bounds of narrower ones too
    std::vector<std::int64_t> bounds = equal_steps(range, step);
    for (; !can_be_distinguished(bounds); bounds = equal_steps(range, step)) step *= 2;
    return bounds;
}

/// 1, 2, 5, 10 ... around the range, or fewer of them if that were too many.
std::vector<std::int64_t> multiple_bounds(Range range) {
    std::vector<std::int64_t> bounds;
    for (std::int64_t power = 1; power <= INT64_MAX / 100; power *= 10)
        for (const std::int64_t digit : {1, 2, 5}) bounds.push_back(power * digit);
    const auto first = std::upper_bound(bounds.begin(), bounds.end(), range.low);
    const auto last = std::upper_bound(bounds.begin(), bounds.end(), range.high);
    std::vector<std::int64_t> inside(first == bounds.begin() ? first : first - 1,
                                     last == bounds.end() ? last : last + 1);
    while (inside.size() > kMostBars + 1) { // every second bound will do
        std::vector<std::int64_t> fewer;
        for (std::size_t i = 0; i < inside.size(); i += 2) fewer.push_back(inside[i]);
        if (fewer.back() != inside.back()) fewer.push_back(inside.back());
        inside = std::move(fewer);
    }
    return inside;
}

std::string filled(double share, std::size_t width, bool unicode) {
    if (!unicode) {
        auto length = static_cast<std::size_t>(std::lround(share * static_cast<double>(width)));
        if (share > 0) length = std::max<std::size_t>(length, 1);
        return std::string(length, '#');
    }
    static constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    auto eighths = static_cast<std::size_t>(std::lround(share * static_cast<double>(width * 8)));
    if (share > 0) eighths = std::max<std::size_t>(eighths, 1);
    std::string bar;
    for (std::size_t i = 0; i < eighths / 8; ++i) bar += "█";
    return bar.append(kEighths[eighths % 8]);
}

} // namespace

std::vector<Bar> bars_of(const report::Distribution& d) {
    if (d.count == 0) return {};
    Range range = middle_of(d, 0);
    bool linear = false;
    for (const double cut : {0.0, 0.01, 0.05}) {
        const Range middle = middle_of(d, cut);
        if ((middle.high - 1) / kLinearFactor >= std::max<std::int64_t>(middle.low, 1))
            continue; // higher than that
        range = middle;
        linear = true;
        break;
    }
    const std::vector<std::int64_t> bounds =
        linear ? linear_bounds(range, d) : multiple_bounds(range);
    std::vector<Bar> bars;
    bars.push_back({Nanoseconds(0), Nanoseconds(bounds.front()), 0, Bar::Kind::below});
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i)
        bars.push_back({Nanoseconds(bounds[i]), Nanoseconds(bounds[i + 1]), 0, Bar::Kind::range});
    bars.push_back({Nanoseconds(bounds.back()), Nanoseconds::max(), 0, Bar::Kind::above});
    for (const report::DurationBucket& bucket : d.buckets) {
        const Nanoseconds middle =
            std::clamp(bucket.low + (bucket.high - bucket.low) / 2, d.min, d.max);
        const auto bar =
            std::find_if(bars.begin(), bars.end(), [&](const Bar& b) { return middle < b.high; });
        (bar == bars.end() ? bars.back() : *bar).count += bucket.count;
    }
    if (bars.back().count == 0) bars.pop_back();
    if (bars.front().count == 0) bars.erase(bars.begin());
    return bars;
}

void append_bars(std::string& out, const report::Distribution& d, const TextStyle& style) {
    constexpr std::size_t label_width = 20;
    constexpr std::size_t count_width = 9;
    constexpr std::size_t share_width = 7;
    const std::size_t bar_width = style.width - label_width - count_width - share_width - 4;
    const std::vector<Bar> bars = bars_of(d);
    std::uint64_t most = 1;
    for (const Bar& bar : bars) most = std::max(most, bar.count);
    for (const Bar& bar : bars) {
        const std::string label = bar.kind == Bar::Kind::below ? "below " + text_of(bar.high)
                                  : bar.kind == Bar::Kind::above
                                      ? "from " + text_of(bar.low)
                                      : text_of(bar.low) + " - " + text_of(bar.high);
        const double share = static_cast<double>(bar.count) / static_cast<double>(d.count);
        const std::string drawn = filled(static_cast<double>(bar.count) / static_cast<double>(most),
                                         bar_width, style.unicode);
        out += fmt::format("  {:>{}}{:>{}}{:>{}.1f}%", label, label_width, bar.count, count_width,
                           share * 100, share_width - 1);
        if (!drawn.empty()) out += ' ' + drawn;
        out += '\n';
    }
}

std::string sparkline(const std::vector<std::uint64_t>& values, std::size_t width, bool unicode) {
    static constexpr std::string_view kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr std::string_view kAscii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
    constexpr std::size_t levels = 8;
    const std::uint64_t top = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
    const std::size_t columns = std::min(width, values.size());
    std::string line;
    for (std::size_t i = 0; i < columns; ++i) {
        const auto first =
            values.begin() + static_cast<std::ptrdiff_t>(i * values.size() / columns);
        const auto last =
            values.begin() + static_cast<std::ptrdiff_t>((i + 1) * values.size() / columns);
        const std::uint64_t highest = *std::max_element(first, std::max(last, first + 1));
        const std::size_t level =
            highest == 0 ? 0
                         : 1 + static_cast<std::size_t>((highest * (levels - 1)) /
                                                        std::max<std::uint64_t>(top, 1));
        line += unicode ? kBlocks[level] : kAscii[level];
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

} // namespace tcpdwell::render

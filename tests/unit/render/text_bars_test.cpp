// SPDX-License-Identifier: Apache-2.0
// Bars: where they zoom to, that nothing is lost or put elsewhere, and how they look.
#include "render/text_bars.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <set>

#include "sample_report.h"

namespace tcpdwell::test {
namespace {

using Samples = std::vector<std::pair<Nanoseconds, std::uint64_t>>;

std::uint64_t total(const std::vector<render::Bar>& bars) {
    return std::accumulate(
        bars.begin(), bars.end(), std::uint64_t{0},
        [](std::uint64_t sum, const render::Bar& bar) { return sum + bar.count; });
}

std::vector<std::uint64_t> counts(const std::vector<render::Bar>& bars) {
    std::vector<std::uint64_t> list;
    for (const render::Bar& bar : bars) list.push_back(bar.count);
    return list;
}

/// One after the other, none empty in itself, not too many, and all samples in them.
void expect_sound(const std::vector<render::Bar>& bars, const report::Distribution& d) {
    ASSERT_FALSE(bars.empty());
    EXPECT_LE(bars.size(), 13u);
    EXPECT_EQ(total(bars), d.count);
    for (std::size_t i = 0; i < bars.size(); ++i) {
        EXPECT_LT(bars[i].low, bars[i].high);
        if (i != 0) {
            EXPECT_EQ(bars[i].low, bars[i - 1].high);
        }
        EXPECT_EQ(bars[i].kind == render::Bar::Kind::below && i != 0, false);
        EXPECT_EQ(bars[i].kind == render::Bar::Kind::above && i + 1 != bars.size(), false);
    }
    EXPECT_NE(bars.front().count + bars.back().count, 0u);
}

TEST(Bars, none_without_samples) {
    EXPECT_TRUE(render::bars_of(distribution("TIME_WAIT", {})).empty());
}

TEST(Bars, time_waits_are_zoomed_to_where_they_are) {
    Samples samples;
    for (int i = 0; i < 100; ++i) samples.emplace_back(60s + i * 20ms, 1);
    const report::Distribution d = distribution("TIME_WAIT", samples);
    const auto bars = render::bars_of(d);
    expect_sound(bars, d);
    EXPECT_GE(bars.size(), 3u);
    EXPECT_GT(bars.front().low, 59s);
    EXPECT_LT(bars.back().high, 63s);
}

TEST(Bars, one_far_away_does_not_end_the_zoom_and_is_not_lost) {
    Samples samples = {{1s, 1}};
    for (int i = 0; i < 100; ++i) samples.emplace_back(60s + i * 20ms, 1);
    const report::Distribution d = distribution("TIME_WAIT", samples);
    const auto bars = render::bars_of(d);
    expect_sound(bars, d);
    EXPECT_EQ(bars.front().kind, render::Bar::Kind::below);
    EXPECT_EQ(bars.front().count, 1u);
    EXPECT_GT(bars[1].low, 59s);
    EXPECT_LT(bars.back().high, 63s);
}

TEST(Bars, many_far_away_end_the_zoom) {
    const report::Distribution d = distribution("FIN_WAIT2", {{2us, 93}, {60s, 7}});
    const auto bars = render::bars_of(d);
    expect_sound(bars, d);
    EXPECT_EQ(bars.front().count, 93u);
    EXPECT_EQ(bars.back().count, 7u);
    EXPECT_EQ(bars.back().kind, render::Bar::Kind::range);
    EXPECT_GT(bars.back().high, 60s);
}

/// A bucket at 60 s is half a second wide. With other bounds than those of buckets one of these
/// bars would show twice what is in it, and another nothing.
TEST(Bars, count_what_their_labels_say_however_far_they_zoom) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 300; ++round) {
        const std::int64_t middle = std::int64_t{100} << (random() % 35);
        const std::int64_t spread =
            std::max<std::int64_t>(middle / (1 + static_cast<std::int64_t>(random() % 300)), 1);
        std::vector<std::int64_t> values(500);
        for (auto& value : values)
            value =
                middle + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(spread));
        std::sort(values.begin(), values.end());
        Samples samples;
        for (const auto value : values) samples.emplace_back(Nanoseconds(value), 1);
        const report::Distribution d = distribution("TIME_WAIT", samples);
        const auto bars = render::bars_of(d);
        expect_sound(bars, d);
        for (const render::Bar& bar : bars) {
            if (bar.kind != render::Bar::Kind::range) continue;
            const auto first = std::lower_bound(values.begin(), values.end(), bar.low.count());
            const auto last = std::lower_bound(values.begin(), values.end(), bar.high.count());
            const auto inside = static_cast<std::uint64_t>(last - first);
            // Bars that are wide have round bounds: a bucket across one of them is on one side as a
            // whole.
            const auto near = [&](Nanoseconds bound) {
                const std::int64_t reach = (d.buckets.back().high - d.buckets.back().low).count();
                return std::count_if(values.begin(), values.end(), [&](std::int64_t v) {
                    return std::abs(v - bound.count()) <= reach;
                });
            };
            const bool is_exact =
                bar.high - bar.low < 8 * (d.buckets.back().high - d.buckets.back().low);
            const double slack = is_exact ? 0 : static_cast<double>(near(bar.low) + near(bar.high));
            EXPECT_NEAR(static_cast<double>(bar.count), static_cast<double>(inside), slack)
                << "round " << round << ": " << bar.low.count() << " to " << bar.high.count();
        }
    }
}

TEST(Bars, one_sample) {
    for (const Nanoseconds value : std::vector<Nanoseconds>{0ns, 1ns, 999ns, 60'420ms, 100h}) {
        const report::Distribution d = distribution("TIME_WAIT", {{value, 1}});
        const auto bars = render::bars_of(d);
        expect_sound(bars, d);
        EXPECT_EQ(counts(bars), std::vector<std::uint64_t>{1}) << value.count();
        EXPECT_LE(bars[0].low, value);
        EXPECT_GT(bars[0].high, value);
    }
}

TEST(Bars, all_equal_and_the_largest_of_all) {
    const report::Distribution d = distribution("TIME_WAIT", {{60'420ms, 5000}});
    EXPECT_EQ(counts(render::bars_of(d)), std::vector<std::uint64_t>{5000});
    report::Distribution largest;
    largest.count = 3;
    largest.min = largest.max = Nanoseconds::max();
    largest.buckets = {{Nanoseconds(std::int64_t{127} << 56), Nanoseconds::max(), 3}};
    EXPECT_EQ(total(render::bars_of(largest)), 3u);
}

TEST(Bars, from_nothing_to_a_century_in_some_ten_steps) {
    Samples samples = {{0ns, 5}};
    for (int power = 0; power < 62; ++power)
        samples.emplace_back(Nanoseconds(std::int64_t{1} << power), 10);
    report::Distribution d = distribution("ESTABLISHED", samples);
    const auto bars = render::bars_of(d);
    expect_sound(bars, d);
    EXPECT_GE(bars.size(), 5u);
}

TEST(Bars, bounds_of_multiples_are_round) {
    const report::Distribution d = distribution("SYN_SENT", {{150us, 10}, {3ms, 10}, {40ms, 10}});
    const auto bars = render::bars_of(d);
    expect_sound(bars, d);
    for (const render::Bar& bar : bars) {
        std::int64_t digits = bar.low.count();
        while (digits % 10 == 0) digits /= 10;
        EXPECT_TRUE(digits == 1 || digits == 2 || digits == 5) << bar.low.count();
    }
}

std::vector<std::string> drawn(const report::Distribution& d, const render::TextStyle& style) {
    std::string out;
    append_bars(out, d, style);
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < out.size();) {
        const std::size_t end = out.find('\n', begin);
        lines.push_back(out.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

TEST(Bars, lines_have_label_count_share_and_a_bar_by_the_highest) {
    const report::Distribution d = distribution("SYN_SENT", {{1ms, 3}, {50ms, 1}});
    const auto lines = drawn(d, {.width = 80});
    EXPECT_EQ(lines.front(), "       1.00ms - 2.00ms        3  75.0% " + std::string(40, '#'));
    EXPECT_EQ(lines.back(), "        50.0ms - 100ms        1  25.0% " + std::string(13, '#'));
}

TEST(Bars, no_two_labels_look_the_same) {
    for (const Samples& samples :
         {Samples{{60'420ms, 9}}, Samples{{60'420ms, 9}, {60'421ms, 9}},
          Samples{{1'000'000ns, 9}, {1'002'000ns, 9}}, Samples{{300h, 9}, {301h, 4}},
          Samples{{1'018'000ns, 9}}, Samples{{70min, 9}},
          Samples{{70min, 9}, {71min, 9}, {72min, 9}}}) {
        const auto lines = drawn(distribution("TIME_WAIT", samples), {.width = 80});
        std::set<std::string> labels;
        for (const std::string& line : lines) {
            const std::string label = line.substr(0, 22);
            const std::size_t dash = label.find(" - ");
            ASSERT_NE(dash, std::string::npos) << label;
            const std::string low =
                label.substr(label.find_first_not_of(' '), dash - label.find_first_not_of(' '));
            EXPECT_NE(low, label.substr(dash + 3)) << label;
            EXPECT_TRUE(labels.insert(label).second) << label;
        }
    }
}

TEST(Bars, even_the_least_is_seen) {
    const report::Distribution d = distribution("SYN_SENT", {{1ms, 1'000'000}, {50ms, 1}});
    EXPECT_TRUE(drawn(d, {.width = 80}).back().ends_with(" #"));
    EXPECT_TRUE(drawn(d, {.width = 80, .unicode = true}).back().ends_with(" ▏"));
}

TEST(Sparkline, one_character_for_each_value_up_to_the_width) {
    EXPECT_EQ(render::sparkline({1, 2, 3, 4, 5, 6, 7, 8}, 8, true), "▁▂▃▄▅▆▇█");
    EXPECT_EQ(render::sparkline({1, 2, 3, 4, 5, 6, 7, 8}, 8, false), ".:-=+*#@");
    EXPECT_EQ(render::sparkline({0, 8, 0, 8}, 80, false), " @ @");
}

TEST(Sparkline, steps_that_share_a_column_show_their_highest) {
    EXPECT_EQ(render::sparkline({0, 0, 9, 0, 0, 0, 0, 1}, 4, false), " @ .");
    std::vector<std::uint64_t> values(600);
    values[599] = 5;
    values[0] = 5;
    EXPECT_EQ(render::sparkline(values, 10, false), "@        @");
    values.assign(7, 3);
    EXPECT_EQ(render::sparkline(values, 3, false), "@@@");
}

TEST(Sparkline, nothing_is_nothing) {
    EXPECT_EQ(render::sparkline({}, 10, false), "");
    EXPECT_EQ(render::sparkline({0, 0, 0}, 10, true), "");
    EXPECT_EQ(render::sparkline({5, 0, 0}, 10, false), "@"); // no line ends in spaces
}

TEST(Sparkline, small_numbers_beside_large_ones_are_seen) {
    EXPECT_EQ(render::sparkline({1'000'000'000'000, 1, 0, 1'000'000'000'000}, 4, false), "@. @");
}

} // namespace
} // namespace tcpdwell::test

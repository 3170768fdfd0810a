// SPDX-License-Identifier: Apache-2.0
// What users write after --since and --until, and which part of a recording it means.
#include "run/time_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

void set_zone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
}

WallTime utc(int year, unsigned month, unsigned day, Nanoseconds clock) {
    return std::chrono::sys_days(std::chrono::year_month_day(
               std::chrono::year(year), std::chrono::month(month), std::chrono::day(day))) +
           clock;
}

class TimeWindowTest : public testing::Test {
protected:
    void SetUp() override { set_zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
    void TearDown() override { set_zone("UTC"); }

    static std::optional<WallTime> wall(std::string_view text) {
        const auto parsed = run::TimeText::parse(text, kNow);
        if (!parsed || !std::holds_alternative<WallTime>(parsed->value)) return std::nullopt;
        return std::get<WallTime>(parsed->value);
    }
    Result<run::TimeWindow> resolve(std::string since, std::string until) const {
        return run::WindowOptions{std::move(since), std::move(until)}.resolve(span, kNow);
    }
    std::string complaint(std::string since, std::string until) const {
        const auto window = resolve(std::move(since), std::move(until));
        EXPECT_FALSE(window);
        if (window) return "";
        EXPECT_EQ(window.error().code, ErrorCode::usage);
        return window.error().message;
    }
    /// Since the beginning.
    std::optional<Nanoseconds> since(std::string text) const {
        const auto window = resolve(std::move(text), "");
        EXPECT_TRUE(window) << window.error().message;
        if (!window || !window->since) return std::nullopt;
        return *window->since - span.begin();
    }
    std::optional<Nanoseconds> until(std::string text) const {
        const auto window = resolve("", std::move(text));
        EXPECT_TRUE(window) << window.error().message;
        if (!window || !window->until) return std::nullopt;
        return *window->until - span.begin();
    }

    static constexpr WallTime kNow =
        std::chrono::sys_days(std::chrono::November / 23 / 2026) + 8h; // 9:00
    // 18:04:17.25 in winter, for 20 minutes
    const MonoTime begin{1000s};
    run::RecordedSpan span{ClockAnchor{begin, utc(2026, 11, 21, 17h + 4min + 17s + 250ms)},
                           begin + 20min};
};

TEST_F(TimeWindowTest, dates_are_read_in_all_forms) {
    const WallTime expected = utc(2026, 11, 21, 18h + 4min + 17s);
    EXPECT_EQ(wall("2026-11-21T18:04:17Z"), expected);
    EXPECT_EQ(wall("2026-11-21t18:04:17z"), expected);
    EXPECT_EQ(wall("2026-11-21 18:04:17Z"), expected);
    EXPECT_EQ(wall("2026-11-21T20:34:17+02:30"), expected);
    EXPECT_EQ(wall("2026-11-21T13:04:17-05:00"), expected);
    EXPECT_EQ(wall("2026-11-21T18:04:17.000000001Z"), expected + 1ns);
    EXPECT_EQ(wall("2026-11-21T18:04:17.5Z"), expected + 500ms);
    EXPECT_EQ(wall("2026-11-21T18:04:17.1234567891Z"), expected + 123456789ns);
    EXPECT_EQ(wall("2028-02-29T00:00:00Z"), utc(2028, 2, 29, 0s));
}

TEST_F(TimeWindowTest, dates_without_a_zone_are_local_in_summer_and_in_winter) {
    EXPECT_EQ(wall("2026-11-21 18:04:17"), utc(2026, 11, 21, 17h + 4min + 17s));
    EXPECT_EQ(wall("2026-07-21 18:04:17.25"), utc(2026, 7, 21, 16h + 4min + 17s + 250ms));
    EXPECT_EQ(wall("2026-07-21T18:04"), utc(2026, 7, 21, 16h + 4min));
    EXPECT_EQ(wall("2026-03-29 12:00:00"), utc(2026, 3, 29, 10h)) << "a day of 23 hours";
}

TEST_F(TimeWindowTest, what_is_no_time_is_a_usage_error_that_says_what_is) {
    for (const char* text : {"",
                             " ",
                             "18:4",
                             "1804:00",
                             "24:00",
                             "18:60",
                             "18:04:60",
                             "18:04:17.",
                             "18:04Z",
                             "2026-11-31T00:00:00Z",
                             "2027-02-29T00:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "1969-12-31T00:00:00Z",
                             "2026-11-21T18:04:17+0100",
                             "2026-11-21T18:04:17Zx",
                             "2026-11-21T18:04:17 Z",
                             "21.11.2026 18:04",
                             "-",
                             "+",
                             "+-5s",
                             "--5s",
                             "5x",
                             "s",
                             "1e3",
                             "inf",
                             "nan",
                             "Now",
                             "now ",
                             "ago",
                             " ago",
                             "hour ago",
                             "1 hour before",
                             "1 houragox",
                             "1 fortnight ago",
                             "-1 hour ago",
                             "+1 hour ago",
                             "1 hour 5x ago",
                             "200 years ago",
                             "last week",
                             "2026-11-21 ",
                             "2026-11-31",
                             "-18:04",
                             "9999999999h",
                             "+5mm"}) {
        const auto parsed = run::TimeText::parse(text, kNow);
        EXPECT_FALSE(parsed) << text;
        if (parsed) continue;
        EXPECT_EQ(parsed.error().code, ErrorCode::usage);
        EXPECT_THAT(parsed.error().message, HasSubstr("'" + std::string(text) + "' is no time"));
        EXPECT_THAT(parsed.error().message, HasSubstr("+90s"));
    }
}

TEST_F(TimeWindowTest, a_date_is_its_local_midnight) {
    EXPECT_EQ(wall("2026-11-21"), utc(2026, 11, 20, 23h));
    EXPECT_EQ(wall("2026-07-21"), utc(2026, 7, 20, 22h));
}

TEST_F(TimeWindowTest, words_are_reckoned_from_now_as_journalctl_does) {
    EXPECT_EQ(wall("now"), kNow);
    EXPECT_EQ(wall("today"), utc(2026, 11, 22, 23h));
    EXPECT_EQ(wall("yesterday"), utc(2026, 11, 21, 23h));
    EXPECT_EQ(wall("tomorrow"), utc(2026, 11, 23, 23h));
    EXPECT_EQ(wall("1 hour ago"), kNow - 1h);
    EXPECT_EQ(wall("10 min ago"), kNow - 10min);
    EXPECT_EQ(wall("11min ago"), kNow - 11min);
    EXPECT_EQ(wall("90 ago"), kNow - 90s);
    EXPECT_EQ(wall("1h 30min ago"), kNow - 90min);
    EXPECT_EQ(wall("1h30min ago"), kNow - 90min);
    EXPECT_EQ(wall("2 days ago"), kNow - 48h);
    EXPECT_EQ(wall("1 week ago"), kNow - 7 * 24h);
    EXPECT_EQ(wall("55s500ms ago"), kNow - 55s - 500ms);
    EXPECT_EQ(since("40h ago"), std::nullopt) << "before the recording";
    EXPECT_EQ(since("1 day 14h 45min ago"), 10min + 42s + 750ms);
    EXPECT_THAT(complaint("today", ""), HasSubstr("nothing since 2026-11-23 00:00:00.000"));
}

TEST_F(TimeWindowTest, yesterday_after_the_clocks_were_changed_began_at_midnight) {
    const auto parsed = run::TimeText::parse("yesterday", utc(2026, 10, 26, 12h));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<WallTime>(parsed->value), utc(2026, 10, 24, 22h));
}

TEST_F(TimeWindowTest, offsets_count_from_the_beginning_or_before_the_end) {
    EXPECT_EQ(since("+90s"), 90s);
    EXPECT_EQ(since("90s"), 90s);
    EXPECT_EQ(since("90"), 90s);
    EXPECT_EQ(since("1500ms"), 1500ms);
    EXPECT_EQ(since("2.5m"), 150s);
    EXPECT_EQ(since("+0.25h"), 15min);
    EXPECT_EQ(since("+1min 30 s"), 90s);
    EXPECT_EQ(since("-1m30s"), 18min + 30s);
    EXPECT_EQ(since("-5m"), 15min);
    EXPECT_EQ(until("-30"), 20min - 30s);
    EXPECT_EQ(until("+1h"), std::nullopt) << "the end is earlier: no bound";
    EXPECT_EQ(since("+0"), std::nullopt);
    EXPECT_EQ(since("-20m"), std::nullopt);
    EXPECT_EQ(since("-1h"), std::nullopt);
    EXPECT_EQ(until("-0s"), std::nullopt);
}

TEST_F(TimeWindowTest, a_time_of_day_is_of_the_local_day_of_the_beginning) {
    EXPECT_EQ(since("18:10"), 5min + 42s + 750ms);
    EXPECT_EQ(until("18:10:00.75"), 5min + 43s + 500ms);
    EXPECT_EQ(since("2026-11-21 18:10"), 5min + 42s + 750ms);
    EXPECT_EQ(since("2026-11-21T17:10:00Z"), 5min + 42s + 750ms);
}

TEST_F(TimeWindowTest, a_time_of_day_before_the_beginning_is_of_the_next_day) {
    span.clock.wall = utc(2026, 11, 21, 22h + 50min); // 23:50
    EXPECT_EQ(since("00:05"), 15min);
    EXPECT_EQ(until("00:05"), 15min);
    EXPECT_EQ(until("23:40"), std::nullopt) << "the next evening";
}

TEST_F(TimeWindowTest, since_the_minute_in_which_a_short_recording_begins_is_since_its_beginning) {
    EXPECT_EQ(since("18:04"), std::nullopt);
    EXPECT_EQ(since("18:04:17"), std::nullopt);
    span.end = begin + 48h;
    EXPECT_EQ(since("18:04"), 24h - 17s - 250ms);
}

TEST_F(TimeWindowTest, the_wrong_order_is_a_usage_error) {
    EXPECT_THAT(complaint("18:20", "18:10"),
                HasSubstr("--since (2026-11-21 18:20:00.000) is later than --until"));
    EXPECT_THAT(complaint("-1m", "+1m"), HasSubstr("is later than"));
    EXPECT_TRUE(resolve("18:10", "18:10"));
}

TEST_F(TimeWindowTest, a_window_beside_the_recording_is_an_error_that_says_when_it_was_made) {
    const std::string has = "it goes from 2026-11-21 18:04:17.250 to 2026-11-21 18:24:17.250";
    EXPECT_THAT(complaint("+21m", ""), HasSubstr(has));
    EXPECT_THAT(complaint("2026-11-22 18:00", "2026-11-22 19:00"), HasSubstr(has));
    EXPECT_THAT(complaint("", "2026-11-21 18:00"), HasSubstr(has));
    EXPECT_THAT(complaint("2026-11-21 17:00", "2026-11-21 18:00"), HasSubstr(has));
    EXPECT_THAT(complaint("x", ""), HasSubstr("--since: 'x' is no time"));
}

TEST_F(TimeWindowTest, the_end_of_a_pipe_is_not_known) {
    span.end.reset();
    EXPECT_THAT(complaint("-5m", ""),
                HasSubstr("--since -5m: a time before the end of the recording needs a file"));
    EXPECT_EQ(since("+21m"), 21min);
    EXPECT_EQ(until("18:10"), 5min + 42s + 750ms);
}

TEST_F(TimeWindowTest, both_bounds_belong_to_it) {
    const auto window = resolve("+1m", "+2m");
    ASSERT_TRUE(window);
    EXPECT_TRUE(window->contains(begin + 1min));
    EXPECT_TRUE(window->contains(begin + 2min));
    EXPECT_FALSE(window->contains(begin + 1min - 1ns));
    EXPECT_FALSE(window->contains(begin + 2min + 1ns));
    EXPECT_TRUE(run::TimeWindow{}.contains(begin - 1h));
}

/// A recording claims what it likes, and users write what they like.
TEST_F(TimeWindowTest, sums_end_at_the_limits_of_time) {
    run::RecordedSpan extreme{ClockAnchor{MonoTime(kLatest), WallTime{}, 0, 0}, std::nullopt};
    const auto late = run::WindowOptions{"", "2200-12-31T00:00:00Z"}.resolve(extreme, kNow);
    ASSERT_TRUE(late);
    EXPECT_EQ(late->until, MonoTime::max());
    extreme.end = MonoTime::min();
    EXPECT_FALSE((run::WindowOptions{"", "-100h"}.resolve(extreme, kNow)));
}

} // namespace
} // namespace tcpdwell::test

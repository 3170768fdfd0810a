// SPDX-License-Identifier: Apache-2.0
// Sums of times that others have given, at the limits of 64 bits.
#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kMost = Nanoseconds::max();
constexpr Nanoseconds kLeast = Nanoseconds::min();

TEST(Time, sums_end_at_the_limits) {
    EXPECT_EQ(bounded_sum(1s, 2s), 3s);
    EXPECT_EQ(bounded_sum(kMost, 1ns), kMost);
    EXPECT_EQ(bounded_sum(kLeast, -1ns), kLeast);
    EXPECT_EQ(bounded_sum(kMost, kLeast), -1ns);
    EXPECT_EQ(bounded_difference(1s, 2s), -1s);
    EXPECT_EQ(bounded_difference(kMost, -1ns), kMost);
    EXPECT_EQ(bounded_difference(kLeast, 1ns), kLeast);
    EXPECT_EQ(bounded_difference(0ns, kLeast), kMost);
}

TEST(Time, moments_end_at_the_limits) {
    const MonoTime last(kMost);
    EXPECT_EQ(shifted(last, 60ms), last);
    EXPECT_EQ(shifted(MonoTime(1s), -3s), MonoTime(-2s));
    EXPECT_EQ(time_between(MonoTime(kLeast), last), kMost);
    EXPECT_EQ(time_between(last, MonoTime(kLeast)), kLeast);
}

TEST(Time, a_moment_is_possible_within_a_hundred_years) {
    EXPECT_TRUE(is_possible(MonoTime{}));
    EXPECT_TRUE(is_possible(MonoTime(kLatest)));
    EXPECT_FALSE(is_possible(MonoTime(-1ns)));
    EXPECT_FALSE(is_possible(MonoTime(kLatest + 1ns)));
    EXPECT_FALSE(is_possible(WallTime(kMost)));
}

TEST(Time, seconds_of_users_are_bounded_and_rounded) {
    EXPECT_EQ(from_seconds(0.3), 300ms);
    EXPECT_EQ(from_seconds(-1.5), -1500ms);
    EXPECT_GT(from_seconds(1e300), kLatest);
    EXPECT_GT(from_seconds(std::numeric_limits<double>::infinity()), kLatest);
    EXPECT_LT(from_seconds(-1e300), -kLatest);
    EXPECT_EQ(from_seconds(std::numeric_limits<double>::quiet_NaN()), 0ns);
}

TEST(Time, an_anchor_survives_any_moment) {
    const ClockAnchor clock{MonoTime(10s), WallTime(1000s), 5000, 250};
    EXPECT_EQ(clock.to_wall(MonoTime(11s)), WallTime(1001s));
    EXPECT_EQ(clock.to_wall(MonoTime(kMost)), WallTime(kMost));
    EXPECT_EQ(clock.from_jiffies(5251), MonoTime(11s + 4ms));
    const ClockAnchor slow{MonoTime(10s), WallTime(1000s), 0, 1};
    EXPECT_EQ(slow.from_jiffies(std::uint64_t{1} << 63), MonoTime(kLeast + 10s));
    EXPECT_EQ(slow.from_jiffies((std::uint64_t{1} << 63) - 1), MonoTime(kMost));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Durations for people: units, digits, and rounding at the edges of units.
#include "render/duration.h"

#include <gtest/gtest.h>

#include <limits>

namespace tcpdwell::test {
namespace {

struct DurationCase {
    std::int64_t ns;
    const char* text;
};

TEST(Duration, UnitsAndDigits) {
    constexpr std::int64_t kMs = 1'000'000;
    constexpr std::int64_t kS = 1'000'000'000;
    constexpr DurationCase kCases[] = {
        {0, "0ns"},
        {1, "1ns"},
        {812, "812ns"},
        {999, "999ns"},
        {1'000, "1.00us"},
        {9'994, "9.99us"},
        {9'995, "10.0us"},
        {41'249, "41.2us"},
        {99'949, "99.9us"},
        {99'950, "100us"},
        {999'499, "999us"},
        {999'500, "1.00ms"},
        {3'050'000, "3.05ms"},
        {41 * kMs, "41.0ms"},
        {999'499'999, "999ms"},
        {999'500'000, "1.000s"},
        {1 * kS, "1.000s"},
        {9'999'499'999, "9.999s"},
        {9'999'500'000, "10.00s"},
        {60'420 * kMs, "60.42s"},
        {99'995 * kMs, "100.0s"},
        {119'949 * kMs, "119.9s"},
        {119'950 * kMs, "2m 00s"},
        {123 * kS, "2m 03s"},
        {3'599'499 * kMs, "59m 59s"},
        {3'599'500 * kMs, "1h 00m"},
        {3'900 * kS, "1h 05m"},
        {86'369 * kS, "23h 59m"},
        {86'370 * kS, "1d 00h"},
        {(3 * 24 + 4) * 3'600 * kS, "3d 04h"},
        {std::numeric_limits<std::int64_t>::max(), "106752d 00h"},
        {-41'249, "-41.2us"},
        {std::numeric_limits<std::int64_t>::min(), "-106752d 00h"},
    };
    for (const DurationCase& c : kCases) {
        std::string text = ">";
        render::append_duration(text, Nanoseconds(c.ns));
        EXPECT_EQ(text, std::string(">") + c.text) << c.ns;
    }
}

} // namespace
} // namespace tcpdwell::test

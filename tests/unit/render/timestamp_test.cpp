// SPDX-License-Identifier: Apache-2.0
// Points in time as text, against the C library's calendar.
#include "render/timestamp.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <random>

namespace tcpdwell::test {
namespace {

std::string utc(std::int64_t ns) {
    const render::Rfc3339 text = render::rfc3339(WallTime(Nanoseconds(ns)));
    return {text.data(), text.size()};
}

TEST(Rfc3339, KnownTimes) {
    EXPECT_EQ(utc(0), "1970-01-01T00:00:00.000000000Z");
    EXPECT_EQ(utc(1), "1970-01-01T00:00:00.000000001Z");
    EXPECT_EQ(utc(-1), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(utc(951'782'399'999'999'999), "2000-02-28T23:59:59.999999999Z");
    EXPECT_EQ(utc(951'782'400'000'000'000), "2000-02-29T00:00:00.000000000Z");
    EXPECT_EQ(utc(std::numeric_limits<std::int64_t>::max()), "2262-04-11T23:47:16.854775807Z");
}

TEST(Rfc3339, AgreesWithTheCLibrary) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 10'000; ++i) {
        const std::int64_t ns = static_cast<std::int64_t>(random() >> 1);
        const std::time_t seconds = ns / 1'000'000'000;
        std::tm parts{};
        gmtime_r(&seconds, &parts);
        std::array<char, 32> expected{};
        std::strftime(expected.data(), expected.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
        ASSERT_EQ(utc(ns).substr(0, 20), expected.data());
        ASSERT_EQ(utc(ns).substr(20),
                  std::to_string(1'000'000'000 + ns % 1'000'000'000).substr(1) + "Z");
    }
}

TEST(TimeOfDay, IsLocalAndCutToMicroseconds) {
    const auto text = [](const char* zone, std::int64_t ns) {
        setenv("TZ", zone, 1);
        tzset();
        std::string out;
        render::append_time_of_day(out, WallTime(Nanoseconds(ns)));
        setenv("TZ", "UTC", 1);
        tzset();
        return out;
    };
    EXPECT_EQ(text("UTC", 999'999'999), "00:00:00.999999");
    EXPECT_EQ(text("ABC+8", 0), "16:00:00.000000");
    EXPECT_EQ(text("UTC", -1), "23:59:59.999999");
}

} // namespace
} // namespace tcpdwell::test

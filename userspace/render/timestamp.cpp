// SPDX-License-Identifier: Apache-2.0
// Digits are put by hand: every line of output has a time or two, and the calendar of <chrono>
// costs a few ns.
#include "render/timestamp.h"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

namespace tcpdwell::render {
namespace {

/// Writes `value` with leading zeros into the `width` characters before `end`.
void put_digits(char* end, std::uint32_t value, int width) {
    for (int i = 0; i < width; ++i) {
        *--end = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

} // namespace

Rfc3339 rfc3339(WallTime moment) {
    const WallTime time = roundable(moment);
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    Rfc3339 text = {'y', 'y', 'y', 'y', '-', 'm', 'm', '-', 'd', 'd', 'T', 'h', 'h', ':', 'm',
                    'm', ':', 's', 's', '.', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'n', 'Z'};
    const auto put = [&text](std::ptrdiff_t end, auto value, int width) {
        put_digits(text.data() + end, static_cast<std::uint32_t>(value), width);
    };
    put(4, static_cast<int>(date.year()), 4);
    put(7, static_cast<unsigned>(date.month()), 2);
    put(10, static_cast<unsigned>(date.day()), 2);
    put(13, clock.hours().count(), 2);
    put(16, clock.minutes().count(), 2);
    put(19, clock.seconds().count(), 2);
    put(29, clock.subseconds().count(), 9);
    return text;
}

void append_time_of_day(std::string& out, WallTime moment) {
    const WallTime time = roundable(moment);
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    const std::time_t seconds = second.time_since_epoch().count();
    std::tm local{};
    ::localtime_r(&seconds, &local);
    const auto micros = std::chrono::floor<std::chrono::microseconds>(time - second).count();
    fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min,
                   local.tm_sec, micros);
}

} // namespace tcpdwell::render

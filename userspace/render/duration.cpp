// SPDX-License-Identifier: Apache-2.0
// Rounding in integers, so that a value never shows as 1000us or 60s of a minute.
#include "render/duration.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace tcpdwell::render {
namespace {

constexpr std::uint64_t kMicrosecond = 1'000;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;

std::uint64_t round_to(std::uint64_t ns, std::uint64_t unit) { return (ns + unit / 2) / unit; }

/// `ns` in `unit`, with as many decimals as make `digits` significant digits, at least 0.
void append_decimal(std::string& out, std::uint64_t ns, std::uint64_t unit, int digits,
                    std::string_view name) {
    std::uint64_t limit = 1;
    for (int i = 0; i < digits; ++i) limit *= 10;
    std::uint64_t scale = limit / 10;
    int decimals = digits - 1;
    while (decimals > 0 && round_to(ns, unit / scale) >= limit) {
        scale /= 10;
        --decimals;
    }
    const std::uint64_t value = round_to(ns, unit / scale);
    if (decimals == 0) {
        fmt::format_to(std::back_inserter(out), "{}{}", value, name);
    } else {
        fmt::format_to(std::back_inserter(out), "{}.{:0{}}{}", value / scale, value % scale,
                       decimals, name);
    }
}

void append_pair(std::string& out, std::uint64_t ns, std::uint64_t large, char large_name,
                 std::uint64_t small, char small_name) {
    const std::uint64_t value = round_to(ns, small);
    const std::uint64_t per_large = large / small;
    fmt::format_to(std::back_inserter(out), "{}{} {:02}{}", value / per_large, large_name,
                   value % per_large, small_name);
}

} // namespace

void append_duration(std::string& out, Nanoseconds duration) {
    std::uint64_t ns = static_cast<std::uint64_t>(duration.count());
    if (duration.count() < 0) {
        out += '-';
        ns = 0 - ns;
    }
    // A unit ends where rounding would reach its next: 999.5us is 1.00ms.
    if (ns < kMicrosecond) {
        fmt::format_to(std::back_inserter(out), "{}ns", ns);
    } else if (round_to(ns, kMicrosecond) < 1000) {
        append_decimal(out, ns, kMicrosecond, 3, "us");
    } else if (round_to(ns, kMillisecond) < 1000) {
        append_decimal(out, ns, kMillisecond, 3, "ms");
    } else if (round_to(ns, kSecond / 10) < 1200) {
        append_decimal(out, ns, kSecond, 4, "s");
    } else if (round_to(ns, kSecond) < 3600) {
        append_pair(out, ns, kMinute, 'm', kSecond, 's');
    } else if (round_to(ns, kMinute) < 24 * 60) {
        append_pair(out, ns, kHour, 'h', kMinute, 'm');
    } else {
        append_pair(out, ns, kDay, 'd', kHour, 'h');
    }
}

} // namespace tcpdwell::render

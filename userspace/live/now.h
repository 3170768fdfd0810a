// SPDX-License-Identifier: Apache-2.0
// The host's clocks, as wire records and timestamps of the kernel side count them: nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace tcpdwell::live {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;

/// CLOCK_MONOTONIC
inline std::uint64_t monotonic_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// CLOCK_REALTIME
inline std::int64_t realtime_ns() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

} // namespace tcpdwell::live

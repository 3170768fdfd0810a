// SPDX-License-Identifier: Apache-2.0
// Clock types. Kernel events carry monotonic time; wall time is made from it by an anchor, and only
// for printing.
#pragma once

#include <chrono>
#include <cstdint>

namespace tcpdwell {

using Nanoseconds = std::chrono::nanoseconds;

/// CLOCK_MONOTONIC of the traced host (bpf_ktime_get_ns()). Has no now(): nothing downstream of the
/// source reads a clock.
struct MonotonicClock {
    using duration = Nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonotonicClock>;
    static constexpr bool is_steady = true;
};
using MonoTime = MonotonicClock::time_point;

/// CLOCK_REALTIME of the traced host, ns since 1970-01-01 UTC.
using WallTime = std::chrono::sys_time<Nanoseconds>;

/// How monotonic time, wall time and jiffies of one host relate, taken at one moment.
struct ClockAnchor {
    MonoTime mono{};
    WallTime wall{};
    std::uint64_t jiffies = 0; ///< jiffies64 at that moment; meaningless while hz is 0
    std::uint32_t hz = 0;      ///< 0: not known

    [[nodiscard]] WallTime to_wall(MonoTime t) const { return wall + (t - mono); }

    /// Time at which a jiffies value is (or was) reached, exact to one tick. hz must not be 0.
    [[nodiscard]] MonoTime from_jiffies(std::uint64_t value) const {
        const auto ticks = static_cast<std::int64_t>(value - jiffies);
        const std::int64_t seconds = ticks / hz;
        const std::int64_t rest = ticks % hz;
        return mono + Nanoseconds(seconds * 1'000'000'000 + rest * 1'000'000'000 / hz);
    }
};

} // namespace tcpdwell

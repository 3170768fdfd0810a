// SPDX-License-Identifier: Apache-2.0
// Clock types. Kernel events carry monotonic time; wall time is made from it by an anchor, and only
// for printing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

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

/// By the clock of this host: for what begins now, and for what users call so.
inline WallTime wall_now() {
    return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
}

/// Some 100 years: no moment that a record or a head may claim is later. Sums of a few such times
/// fit into 64 bits.
inline constexpr Nanoseconds kLatest(3'155'760'000LL * 1'000'000'000LL);

/// Whether a claimed moment, of either clock, can be one at all.
template <class Clock>
constexpr bool is_possible(std::chrono::time_point<Clock, Nanoseconds> at) {
    return at.time_since_epoch() >= Nanoseconds(0) && at.time_since_epoch() <= kLatest;
}

// --- sums of times that others have given (users, recordings): they end at the limits of 64 bits
// instead of overflowing

constexpr Nanoseconds bounded_sum(Nanoseconds a, Nanoseconds b) {
    std::int64_t sum = 0;
    if (!__builtin_add_overflow(a.count(), b.count(), &sum)) return Nanoseconds(sum);
    return b.count() < 0 ? Nanoseconds::min() : Nanoseconds::max();
}

constexpr Nanoseconds bounded_difference(Nanoseconds a, Nanoseconds b) {
    std::int64_t difference = 0;
    if (!__builtin_sub_overflow(a.count(), b.count(), &difference)) return Nanoseconds(difference);
    return b.count() < 0 ? Nanoseconds::max() : Nanoseconds::min();
}

/// The moment `by` after `at` (before it, if negative).
template <class Clock>
constexpr auto shifted(std::chrono::time_point<Clock, Nanoseconds> at, Nanoseconds by) {
    return std::chrono::time_point<Clock, Nanoseconds>(bounded_sum(at.time_since_epoch(), by));
}

/// How long after `begin` is `end`.
template <class Clock>
constexpr Nanoseconds time_between(std::chrono::time_point<Clock, Nanoseconds> begin,
                                   std::chrono::time_point<Clock, Nanoseconds> end) {
    return bounded_difference(end.time_since_epoch(), begin.time_since_epoch());
}

/// The nearest moment that can be rounded down to a day, or to less, within 64 bits
/// (std::chrono::floor).
constexpr WallTime roundable(WallTime at) {
    return std::max<WallTime>(at, WallTime::min() + std::chrono::days(1));
}

/// Of a number of seconds that a user has given; 0 for what is no number.
constexpr Nanoseconds from_seconds(double seconds) {
    const double ns = seconds * 1e9;
    constexpr double kLimit = 9.2e18; // within 64 bits, and exactly a double
    if (ns != ns) return Nanoseconds(0);
    return Nanoseconds(
        static_cast<std::int64_t>(std::clamp(ns < 0 ? ns - 0.5 : ns + 0.5, -kLimit, kLimit)));
}

/// How monotonic time, wall time and jiffies of one host relate, taken at one moment.
struct ClockAnchor {
    MonoTime mono{};
    WallTime wall{};
    std::uint64_t jiffies = 0; ///< jiffies64 at that moment; meaningless while hz is 0
    std::uint32_t hz = 0;      ///< 0: not known

    [[nodiscard]] WallTime to_wall(MonoTime t) const {
        return shifted(wall, time_between(mono, t));
    }

    /// Time at which a jiffies value is (or was) reached, exact to one tick. hz must not be 0.
    [[nodiscard]] MonoTime from_jiffies(std::uint64_t value) const {
        const auto ticks = static_cast<std::int64_t>(value - jiffies);
        const std::int64_t seconds = ticks / hz;
        const std::int64_t rest = ticks % hz;
        std::int64_t whole = 0;
        if (__builtin_mul_overflow(seconds, std::int64_t{1'000'000'000}, &whole))
            whole = ticks < 0 ? Nanoseconds::min().count() : Nanoseconds::max().count();
        const Nanoseconds since =
            bounded_sum(Nanoseconds(whole), Nanoseconds(rest * 1'000'000'000 / hz));
        return shifted(mono, since);
    }
};

} // namespace tcpdwell

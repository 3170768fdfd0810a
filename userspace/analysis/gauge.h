// SPDX-License-Identifier: Apache-2.0
// How many there are now, how many there were at most, and for how long all together.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace tcpdwell::analysis {

class Gauge {
public:
    void enter(MonoTime at, std::uint64_t count = 1) {
        area_ -= static_cast<double>(count) * seconds(at);
        peak_ = std::max(peak_, now_ += count);
    }
    /// What isn't there can't leave.
    void leave(MonoTime at, std::uint64_t count = 1) {
        count = std::min(count, now_);
        area_ += static_cast<double>(count) * seconds(at);
        now_ -= count;
    }
    /// Forgets the past: the peak is what there is now, and time counts from `at`.
    void restart(MonoTime at) {
        peak_ = now_;
        area_ = -static_cast<double>(now_) * seconds(at);
    }

    /// As if both had been one. The peak is then an upper bound: the two may have had theirs at
    /// different times.
    void absorb(const Gauge& other) {
        now_ += other.now_;
        peak_ += other.peak_;
        area_ += other.area_;
    }

    [[nodiscard]] std::uint64_t now() const { return now_; }
    [[nodiscard]] std::uint64_t peak() const { return peak_; }
    /// The sum over all of the time that each has been here, up to `at`: in seconds.
    [[nodiscard]] double held_seconds(MonoTime at) const {
        return std::max(0.0, area_ + static_cast<double>(now_) * seconds(at));
    }

private:
    static double seconds(MonoTime at) {
        return std::chrono::duration<double>(at.time_since_epoch()).count();
    }

    std::uint64_t now_ = 0;
    std::uint64_t peak_ = 0;
    double area_ = 0; ///< sum of times of leaving minus sum of times of entering
};

} // namespace tcpdwell::analysis

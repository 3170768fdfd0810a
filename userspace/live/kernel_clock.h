// SPDX-License-Identifier: Apache-2.0
// The kernel's jiffies, in which timers count, and their relation to CLOCK_MONOTONIC.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace tcpdwell::live {

/// jiffies64 and CLOCK_MONOTONIC at the same moment.
struct JiffiesSample {
    std::uint64_t jiffies = 0;
    std::uint64_t mono_ns = 0;
};

/// A sample and the rate: jiffies advance with CLOCK_MONOTONIC.
struct JiffiesClock {
    JiffiesSample sample;
    std::uint32_t hz = 0;

    /// Not before the sample.
    [[nodiscard]] std::uint64_t at(std::uint64_t mono_ns) const {
        return sample.jiffies + (mono_ns - sample.mono_ns) / 1000 * hz / 1'000'000;
    }
};

/// Runs a BPF program of our own (bpf/clock.bpf.c), which is attached to nothing. Needs CAP_BPF,
/// and takes up to 200 ms where the uptime leaves HZ open.
Result<JiffiesClock> read_kernel_clock();

/// HZ of the kernel, from one sample: jiffies64 starts at 2^32 - 300 s (INITIAL_JIFFIES,
/// include/linux/jiffies.h) and then advances with CLOCK_MONOTONIC. 0 if that can't be decided,
/// which is so for some seconds around an uptime of five minutes.
std::uint32_t hz_from_uptime(const JiffiesSample& sample);
/// HZ from two samples some 100 ms or more apart, rounded to a value that kernels are built with.
std::uint32_t hz_from_interval(const JiffiesSample& first, const JiffiesSample& second);

} // namespace tcpdwell::live

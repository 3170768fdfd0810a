// SPDX-License-Identifier: Apache-2.0
// Slack, tick and timer-wheel arithmetic.
#include "support/moment.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace tcpdwell::test {

namespace {

int from_environment(const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::atoi(text) : otherwise;
}

} // namespace

nanoseconds slack() {
    static const nanoseconds value =
        std::chrono::milliseconds(from_environment("TCPDWELL_TEST_SLACK_MS", 30));
    return value;
}

nanoseconds patience(nanoseconds limit) {
    static const int factor = std::max(from_environment("TCPDWELL_TEST_PATIENCE", 1), 1);
    return limit * factor;
}

nanoseconds stagger() {
    static const nanoseconds value =
        std::chrono::milliseconds(from_environment("TCPDWELL_TEST_STAGGER_MS", 0));
    return value;
}

int crowd_size() {
    static const int value = std::max(from_environment("TCPDWELL_TEST_CROWD", 10'000), 1);
    return value;
}

nanoseconds jiffy() {
    // The coarse clocks advance once a tick, and say so.
    static const nanoseconds value = [] {
        timespec resolution{};
        clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
        return nanoseconds(resolution.tv_nsec);
    }();
    return value;
}

nanoseconds timer_granularity(nanoseconds timeout) {
    // Level n of the wheel holds timeouts of 63 * 8^(n-1) ticks and more, in buckets of 8^n ticks.
    std::int64_t level_starts = 63;
    std::int64_t bucket = 1;
    for (const std::int64_t ticks = timeout / jiffy(); ticks >= level_starts; level_starts *= 8)
        bucket *= 8;
    return bucket * jiffy();
}

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// When things happened, as the test itself saw it: brackets of the monotonic clock around a system
// call, and the granularity of kernel timers. What a tracer claims is held against these.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

namespace tcpdwell::test {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// CLOCK_MONOTONIC, which is also the clock of bpf_ktime_get_ns().
inline nanoseconds monotonic_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

/// Something happened between `before` and `after`.
struct Moment {
    nanoseconds before{};
    nanoseconds after{};
};

/// The moment in which `action` ran.
template <class Action>
Moment during(Action&& action) {
    Moment moment{monotonic_now(), {}};
    std::forward<Action>(action)();
    moment.after = monotonic_now();
    return moment;
}

/// From the beginning of `first` to the end of `last`.
inline Moment joined(Moment first, Moment last) { return {first.before, last.after}; }

inline void pause(nanoseconds time) { std::this_thread::sleep_for(time); }

/// How late the kernel may run something that it could run at once: softirqs and wake-ups on a busy
/// machine. 30 ms; TCPDWELL_TEST_SLACK_MS changes it, for slow virtual machines.
nanoseconds slack();

/// A time that is long enough on this machine: TCPDWELL_TEST_PATIENCE times `limit`, once `limit`
/// where that isn't set.
nanoseconds patience(nanoseconds limit);

/// How long after each other the scenarios begin that begin with tracing: TCPDWELL_TEST_STAGGER_MS,
/// or all at once. A slow machine can't keep up with all of them, and then softirqs are late.
nanoseconds stagger();

/// How many connections a test makes that makes very many: 10 000, or TCPDWELL_TEST_CROWD. As many
/// take minutes where the machine is emulated.
int crowd_size();

/// One tick of the kernel, 1/HZ.
nanoseconds jiffy();

/// How much later than `timeout` a wheel timer may expire (kernel: kernel/time/timer.c, LVL_GRAN).
nanoseconds timer_granularity(nanoseconds timeout);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What the benchmarks of a tracer share.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "support/program.h"

namespace tcpdwell::bench {

/// Starts a tracer, its output thrown away, and returns once it says that it traces. Ends this
/// process if it doesn't. `before_exec`: as in Program::Setting.
test::Program start_tracer(
    const std::vector<std::string>& words, const std::function<void()>& before_exec = [] {});

/// SIGINT, and waits for the end.
void stop_tracer(test::Program& tracer);

/// "Linux 6.1.0 x86_64, 2 CPUs"
std::string this_host();

/// The upper one of the two in the middle if their number is even; there must be one.
double median(std::vector<double> values);

} // namespace tcpdwell::bench

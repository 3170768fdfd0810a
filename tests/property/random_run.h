// SPDX-License-Identifier: Apache-2.0
// Seeds and sizes of the random runs. TCPDWELL_SEED=N runs that seed alone, TCPDWELL_STREAMS=N that
// many streams.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "synth/traffic.h"

namespace tcpdwell::test {

/// The seeds to run: 1 to `streams`, unless the environment says otherwise.
inline std::vector<std::uint64_t> seeds(std::uint64_t streams) {
    if (const char* one = std::getenv("TCPDWELL_SEED")) return {std::strtoull(one, nullptr, 10)};
    if (const char* count = std::getenv("TCPDWELL_STREAMS"))
        streams = std::strtoull(count, nullptr, 10);
    std::vector<std::uint64_t> list(streams);
    for (std::uint64_t i = 0; i < streams; ++i) list[i] = i + 1;
    return list;
}

/// To be shown with every failure.
inline std::string how_to_repeat(std::uint64_t seed) {
    return "repeat with TCPDWELL_SEED=" + std::to_string(seed);
}

/// Random traffic on a random kernel: from a lone story to a crowd on few tuples and addresses.
inline synth::TrafficOptions random_options(std::uint64_t seed) {
    std::mt19937_64 random(seed * 7919);
    synth::TrafficOptions options;
    options.seed = seed;
    options.stories = 1 + random() % 24;
    const synth::KernelTraits kernels[] = {synth::kLinux5_10, synth::kLinux6_1, synth::kLinux6_18};
    options.kernel = kernels[random() % 3];
    options.kernel.stacks = random() % 3 != 0;
    options.kernel.functions = random() % 2 != 0;
    options.spread = std::chrono::milliseconds(1 + random() % 200'000);
    options.namespaces = static_cast<std::uint32_t>(1 + random() % 3);
    options.tuples = static_cast<std::uint32_t>(1 + random() % 6);
    return options;
}

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Traffic of a whole host: many stories, drawn at random and interleaved, in several network
// namespaces.
#pragma once

#include <cstddef>
#include <cstdint>

#include "synth/generated_connection.h"
#include "synth/setting.h"

namespace tcpdwell::synth {

struct TrafficOptions {
    std::uint64_t seed = 1; ///< the same options give the same records
    std::size_t stories = 100;
    KernelTraits kernel = kLinux6_18;
    Nanoseconds spread = std::chrono::seconds(10); ///< the stories begin within this time
    std::uint32_t namespaces = 2;                  ///< at least 1
    std::uint32_t tuples =
        16; ///< at least 1: four-tuples in use, the same in each namespace; when all have been
            ///< used, one that is free again is taken, or another made if none is
    bool only_ending = true;  ///< leave out stories whose connection stays open
    bool only_single = false; ///< leave out stories of several connections with the same ends
};

/// One story made of many; its records are ordered by time. Four-tuples are IPv4, IPv6 and
/// v4-mapped ones in turn.
GeneratedConnection make_traffic(const TrafficOptions& options);

} // namespace tcpdwell::synth

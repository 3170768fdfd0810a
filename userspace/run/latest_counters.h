// SPDX-License-Identifier: Apache-2.0
// The kernel's counters as last read, for a consumer that begins later: growth is counted from
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "track/tracker.h"

namespace tcpdwell::run {

class LatestCounters {
public:
    /// Whatever a stream says: so many namespaces and bytes of names, some MiB.
    static constexpr std::size_t kMostNamespaces = 4096;
    static constexpr std::size_t kMostCounters = 64; ///< of one namespace; a host has half of that
    static constexpr std::size_t kLongestName = 64;

    void note(const track::CountersLine& line);
    /// What was noted of a namespace, which is then forgotten.
    void hand_over(std::uint32_t netns, track::TrackerListener& to);
    void hand_over_all(track::TrackerListener& to);
    [[nodiscard]] const std::map<std::uint32_t, event::KernelCounters>& readings() const {
        return readings_;
    }

private:
    std::map<std::uint32_t, event::KernelCounters> readings_;
};

} // namespace tcpdwell::run

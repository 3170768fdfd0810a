// SPDX-License-Identifier: Apache-2.0
// Connects to one remote endpoint that were answered when the SYN had been sent again.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "analysis/flows.h"

namespace tcpdwell::analysis {

struct LateConnects {
    static constexpr std::size_t kMostProcesses = 8;

    std::uint64_t count = 0;
    std::uint64_t prompt_since = 0; ///< others, answered at once since the last of these
    Nanoseconds shortest{};         ///< from the first SYN to its answer
    Nanoseconds longest{};
    MonoTime first{};       ///< when the first of them was opened
    MonoTime last_opened{}; ///< when the last one was
    MonoTime last{};        ///< when the last one was answered
    Examples ids;
    tcp::Family family{};
    std::vector<event::Process> processes; ///< that connected; some

    /// Of those whose shortest round trip is known, how many had to wait for no more than that: the
    /// SYN was sent again, and none was lost.
    struct RoundTrips {
        std::uint64_t known = 0;
        std::uint64_t slow = 0;
    };
    RoundTrips ended;
    RoundTrips open; ///< now

    [[nodiscard]] bool is_of_slow_path() const {
        const std::uint64_t slow = ended.slow + open.slow;
        return slow > 0 && slow * 2 >= ended.known + open.known;
    }
    /// `line`: such a connect is answered, having taken `took`.
    void note(const track::TransitionLine& line, Nanoseconds took, Weight weight);
};

/// How long a connection that came to be was in SYN_SENT, if the SYN was sent again meanwhile.
std::optional<Nanoseconds> late_answer(std::span<const track::PathStep> states);

} // namespace tcpdwell::analysis

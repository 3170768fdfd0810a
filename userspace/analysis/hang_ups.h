// SPDX-License-Identifier: Apache-2.0
// Clients that hung up on a process without an answer, for which it gave up its own connection to
// whom it had asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "track/connection.h"

namespace tcpdwell::analysis {

/// Memory: 4 MiB at most.
class HangUps {
public:
    static constexpr std::size_t kMostProcesses = 1024;
    static constexpr std::size_t kMostOfOne = 256;

    /// Of any ended connection.
    void note(const track::ConnectionLine& line);
    /// Whether that end of a client was closed here just after a client of the same process had
    /// hung up that nothing had been sent to for the same time: each explains one.
    bool take_reason_of(const track::ConnectionLine& line);
    void clear() { by_pid_.clear(); }

private:
    struct HangUp {
        MonoTime at;
        Nanoseconds waited; ///< since something was sent to it
    };
    std::unordered_map<std::uint32_t, std::vector<HangUp>> by_pid_; ///< the last ones
};

} // namespace tcpdwell::analysis

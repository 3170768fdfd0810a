// SPDX-License-Identifier: Apache-2.0
// Which connections are exported when they have ended, and which of them in a sample.
#pragma once

#include <cstdint>
#include <optional>

#include "track/connection.h"

namespace tcpdwell::store {

/// Whether it has ended, and something happened to it while it was traced: no listener, and none
/// that was given up for want of room. What is in TIME_WAIT has ended.
bool has_ended(const track::ConnectionLine& line);

/// When: without TIME_WAIT, so that it is the same while that goes on and afterwards.
MonoTime ended_at(const track::ConnectionLine& line);

/// Whether an end is one that somebody may want to look at: all but an orderly close by FIN on both
/// sides of which nothing was missed.
bool ended_badly(const track::ConnectionLine& line);

/// Which ends have rows.
struct Sampling {
    /// Only one flow in so many was traced, see event::Filter::sample.
    std::uint64_t traced = 1;
    /// Of those, one flow in so many is kept, the same on all hosts, and besides all that ended
    /// badly.
    std::uint64_t kept = 1;
};

/// How many ends the row of this one stands for; nullopt: it has no row.
std::optional<std::uint64_t> sampled_weight(const track::ConnectionLine& line, std::uint64_t flow,
                                            const Sampling& sampling);

} // namespace tcpdwell::store

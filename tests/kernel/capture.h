// SPDX-License-Identifier: Apache-2.0
// What tcpdump(8) saw: segments on the wire, and what they say about who closed a connection. No
// part of the tracer is involved.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lines.h"
#include "segment.h"

namespace tcpdwell::test {

struct CapturedSegment {
    nanoseconds time{}; ///< since 1970
    Segment segment;
};

/// The TCP segments of a capture file with Ethernet frames (as those of the loopback device are),
/// in order. Throws std::runtime_error for a file that isn't one.
std::vector<CapturedSegment> read_capture(const std::string& path);

enum class Side { client, server };

/// A connection as it looked on the wire.
struct CapturedConnection {
    Endpoint client;
    Endpoint server;
    nanoseconds opened{}; ///< the SYN, since 1970
    bool established = false;
    std::optional<Side>
        first_closer; ///< who sent the first FIN or RST on the established connection
    /// The other one sent its own before it knew of that: either end may say that it was the first,
    /// or both.
    bool crossed = false;
    bool both_fins = false;
    nanoseconds second_fin{}; ///< when the later of both was sent first, since 1970
    /// Who sent an RST while something was left to reset: before both FINs had been sent and
    /// acknowledged.
    std::optional<Side> reset_by;
};

/// In the order of their SYNs. Segments that belong to no SYN are left out.
std::vector<CapturedConnection> connections_in(std::span<const CapturedSegment> segments);

} // namespace tcpdwell::test

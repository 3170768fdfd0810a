// SPDX-License-Identifier: Apache-2.0
// TCP segments in IPv4 packets, made and read by hand (RFC 9293, section 3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sockets.h"

namespace tcpdwell::test {

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kAck = 0x10;

struct Segment {
    Endpoint source;
    Endpoint target;
    std::uint8_t flags = 0;
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::size_t payload = 0; ///< bytes; their content doesn't matter
    /// Timestamp option (RFC 7323): our value, and the echo of the other side's.
    std::optional<std::uint32_t> timestamp = std::nullopt;
    std::uint32_t echo = 0;

    [[nodiscard]] bool has(std::uint8_t wanted) const { return (flags & wanted) == wanted; }
    /// Sequence numbers that it uses up.
    [[nodiscard]] std::uint32_t length() const {
        return static_cast<std::uint32_t>(payload) + (has(kSyn) ? 1U : 0U) + (has(kFin) ? 1U : 0U);
    }
};

/// The segment as an IPv4 packet with valid checksums.
std::vector<std::uint8_t> to_packet(const Segment& segment);

/// The segment in an IPv4 packet; nullopt if it is something else. Checksums aren't looked at.
std::optional<Segment> from_packet(std::span<const std::uint8_t> packet);

/// An ICMP "destination unreachable" of `code` from `router` to the sender of `packet` (RFC 792),
/// as an IPv4 packet.
std::vector<std::uint8_t> unreachable_packet(std::span<const std::uint8_t> packet,
                                             const std::string& router, std::uint8_t code);

} // namespace tcpdwell::test

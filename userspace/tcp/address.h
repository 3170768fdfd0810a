// SPDX-License-Identifier: Apache-2.0
// Addresses, endpoints and the four-tuple.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tcpdwell::tcp {

/// The socket's own family (sk_family): a v4-mapped connection of a v6 socket is ipv6, as ss shows
/// it.
enum class Family : std::uint8_t { ipv4, ipv6 };

/// 16 bytes in network order; IPv4 is stored as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2).
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};

    [[nodiscard]] bool is_v4() const;          ///< in ::ffff:0:0/96
    [[nodiscard]] bool is_unspecified() const; ///< :: or 0.0.0.0
    [[nodiscard]] bool is_loopback() const;    ///< 127.0.0.0/8 or ::1
    /// Text as inet_ntop(3) writes it: "10.0.0.1" for family ipv4, "::ffff:10.0.0.1" for the same
    /// of family ipv6.
    [[nodiscard]] std::string text(Family family) const;
    /// Accepts IPv4 and IPv6 text; nullopt for anything else.
    static std::optional<IpAddress> parse(std::string_view text);

    /// Two words: GCC makes a call of memcmp() of the comparison of two arrays, and a connection is
    /// found by its addresses again and again.
    constexpr bool operator==(const IpAddress& other) const {
        using Words = std::array<std::uint64_t, 2>;
        const auto mine = std::bit_cast<Words>(bytes);
        const auto theirs = std::bit_cast<Words>(other.bytes);
        return mine[0] == theirs[0] && mine[1] == theirs[1];
    }
    auto operator<=>(const IpAddress&) const = default;
};

/// Port in host order; 0 = none, or not known yet.
using Port = std::uint16_t;

struct Endpoint {
    IpAddress address;
    Port port = 0;

    /// No peer (a listener) or not known at all.
    [[nodiscard]] bool empty() const { return port == 0 && address == IpAddress{}; }
    /// "10.0.0.1:80", "[::1]:80".
    [[nodiscard]] std::string text(Family family) const;
    auto operator<=>(const Endpoint&) const = default;
};

struct FourTuple {
    Endpoint local;
    Endpoint remote;
    Family family = Family::ipv4;

    bool operator==(const FourTuple&) const = default;
};

/// A network, for filters. IPv4 prefixes are kept in the v4-mapped range, so they match v4-mapped
/// sockets too.
struct Cidr {
    IpAddress network;       ///< host bits are 0
    std::uint8_t prefix = 0; ///< 0 to 128; an IPv4 prefix length plus 96

    [[nodiscard]] bool contains(const IpAddress& address) const;
    /// "10.0.0.0/8", "::1", "fe80::/10"; a bare address is a network of one. nullopt for anything
    /// else.
    static std::optional<Cidr> parse(std::string_view text);
    bool operator==(const Cidr&) const = default;
};

} // namespace tcpdwell::tcp

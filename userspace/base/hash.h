// SPDX-License-Identifier: Apache-2.0
// Mixing of numbers and bytes for hash tables and identifiers.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace tcpdwell {

/// Spreads every bit of `x` over all 64 (two rounds of xorshift and multiplication); a bijection.
/// The identifiers of connections are made with it: other constants change the output.
constexpr std::uint64_t mix64(std::uint64_t x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    return x ^ (x >> 32);
}

/// Of an address or a name, and whatever is hashed with it.
template <class Byte>
constexpr std::uint64_t mix64(const std::array<Byte, 16>& bytes, std::uint64_t with = 0) {
    const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
    return mix64(words[0] ^ mix64(words[1] ^ with));
}

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
// Mixing of 64-bit numbers for hash tables and identifiers.
#pragma once

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

} // namespace tcpdwell

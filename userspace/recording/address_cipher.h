// SPDX-License-Identifier: Apache-2.0
// Addresses and kernel addresses replaced by others, with a key that isn't kept.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "tcp/address.h"

namespace tcpdwell::recording {

/// Two addresses that have their first n bits in common have images that have just as many in
/// common, so networks stay networks: Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-preserving IP
/// address anonymization, 2002) over SipHash-2-4. IPv4
/// (::ffff:0:0/96) addresses have IPv4 images. 127.0.0.0/8, ::1, :: and 0.0.0.0 are kept, which
/// reveals how many leading bits an IPv4 address has in common with 127.0.0.0.
class AddressCipher {
public:
    using Key = std::array<unsigned char, 16>;

    explicit AddressCipher(const Key& key) : key_(key) {}

    /// Different addresses have different images.
    tcp::IpAddress image(const tcp::IpAddress& address);
    /// A permutation of all numbers but 0, which stays 0.
    [[nodiscard]] std::uint64_t image(std::uint64_t number) const;

private:
    static constexpr std::size_t kMostKept = 1 << 18;
    struct Hash {
        std::size_t operator()(const tcp::IpAddress& address) const;
    };

    /// A permutation of all addresses; of the IPv4 ones if `is_v4`.
    [[nodiscard]] tcp::IpAddress encipher(const tcp::IpAddress& address, bool is_v4) const;
    [[nodiscard]] std::uint64_t permuted(std::uint64_t number) const;

    Key key_;
    std::unordered_map<tcp::IpAddress, tcp::IpAddress, Hash>
        known_; ///< an image takes up to 128 hashes
};

} // namespace tcpdwell::recording

// SPDX-License-Identifier: Apache-2.0
#include "recording/address_cipher.h"

#include <sodium.h>

#include <cstring>

#include "base/hash.h"

namespace tcpdwell::recording {
namespace {

static_assert(std::tuple_size_v<AddressCipher::Key> == crypto_shorthash_KEYBYTES);
static_assert(sizeof(std::uint64_t) == crypto_shorthash_BYTES);

constexpr unsigned kFirstV4Bit = 96;
constexpr unsigned kBits = 128;
constexpr std::uint8_t kLoopback = 127;

/// What is hashed, so that no two uses of the key ever hash the same.
enum class Use : std::uint8_t { address, number };

std::uint64_t hash(const AddressCipher::Key& key, const std::array<std::uint8_t, 18>& text) {
    std::uint64_t value = 0;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&value), text.data(), text.size(),
                     key.data());
    return value;
}

/// ::1, :: and 0.0.0.0 share no network with any other address.
bool is_alone(const tcp::IpAddress& address) {
    tcp::IpAddress loopback;
    loopback.bytes[15] = 1;
    return address.is_unspecified() || address == loopback;
}

} // namespace

std::size_t AddressCipher::Hash::operator()(const tcp::IpAddress& address) const {
    return mix64(address.bytes);
}

tcp::IpAddress AddressCipher::encipher(const tcp::IpAddress& address, bool is_v4) const {
    tcp::IpAddress result = address;
    std::array<std::uint8_t, 18> text{static_cast<std::uint8_t>(Use::address)};
    std::uint8_t* const prefix = text.data() + 2;
    if (is_v4) std::memcpy(prefix, address.bytes.data(), kFirstV4Bit / 8);
    bool is_loopback_so_far = is_v4; // the first bits are those of 127: they have to stay
    for (unsigned bit = is_v4 ? kFirstV4Bit : 0; bit < kBits; ++bit) {
        const std::size_t byte = bit / 8;
        const auto mask = static_cast<std::uint8_t>(0x80u >> (bit % 8));
        text[1] = static_cast<std::uint8_t>(bit);
        if (!is_loopback_so_far && (hash(key_, text) & 1) != 0) result.bytes[byte] ^= mask;
        prefix[byte] = static_cast<std::uint8_t>(prefix[byte] | (address.bytes[byte] & mask));
        if (bit < kFirstV4Bit + 8 && ((address.bytes[byte] ^ kLoopback) & mask) != 0)
            is_loopback_so_far = false;
    }
    return result;
}

tcp::IpAddress AddressCipher::image(const tcp::IpAddress& address) {
    if (is_alone(address)) return address;
    if (const auto it = known_.find(address); it != known_.end()) return it->second;
    // Until it is none of those that stand for themselves: so no two have the same image.
    const bool is_v4 = address.is_v4();
    tcp::IpAddress result = encipher(address, is_v4);
    while (is_alone(result) || result.is_v4() != is_v4) result = encipher(result, is_v4);
    if (known_.size() >= kMostKept) known_.clear();
    known_.emplace(address, result);
    return result;
}

std::uint64_t AddressCipher::permuted(std::uint64_t number) const {
    // A Feistel network: four rounds of a pseudorandom function make a pseudorandom permutation
    // (Luby, Rackoff, 1988).
    auto left = static_cast<std::uint32_t>(number >> 32);
    auto right = static_cast<std::uint32_t>(number);
    std::array<std::uint8_t, 18> text{static_cast<std::uint8_t>(Use::number)};
    for (std::uint8_t round = 0; round < 4; ++round) {
        text[1] = round;
        std::memcpy(text.data() + 2, &right, sizeof(right));
        const std::uint32_t mixed = left ^ static_cast<std::uint32_t>(hash(key_, text));
        left = right;
        right = mixed;
    }
    return std::uint64_t{left} << 32 | right;
}

std::uint64_t AddressCipher::image(std::uint64_t number) const {
    if (number == 0) return 0;
    const std::uint64_t result = permuted(number);
    return result == 0 ? permuted(0) : result;
}

} // namespace tcpdwell::recording

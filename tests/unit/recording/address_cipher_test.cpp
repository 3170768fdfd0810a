// SPDX-License-Identifier: Apache-2.0
// Networks stay networks, nobody becomes somebody else, and what everybody has stays what it is.
#include "recording/address_cipher.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace tcpdwell::test {
namespace {

recording::AddressCipher::Key key_of(std::uint64_t seed) {
    recording::AddressCipher::Key key{};
    std::mt19937_64 random(seed);
    for (auto& byte : key) byte = static_cast<unsigned char>(random());
    return key;
}

tcp::IpAddress parse(std::string_view text) { return *tcp::IpAddress::parse(text); }

bool bit(const tcp::IpAddress& address, unsigned i) {
    return (address.bytes[i / 8] >> (7 - i % 8) & 1) != 0;
}

unsigned common_bits(const tcp::IpAddress& a, const tcp::IpAddress& b) {
    unsigned n = 0;
    while (n < 128 && bit(a, n) == bit(b, n)) ++n;
    return n;
}

tcp::IpAddress random_address(std::mt19937_64& random, bool is_v4) {
    tcp::IpAddress address = is_v4 ? parse("1.0.0.0") : tcp::IpAddress{};
    for (std::size_t i = is_v4 ? 12 : 0; i < 16; ++i)
        address.bytes[i] = static_cast<std::uint8_t>(random());
    return address;
}

/// That has the first `bits` in common with another, and not the next one.
tcp::IpAddress neighbour(tcp::IpAddress address, unsigned bits, std::mt19937_64& random) {
    for (unsigned i = bits; i < 128; ++i) {
        const bool flip = i == bits || random() % 2 == 0;
        if (flip)
            address.bytes[i / 8] =
                static_cast<std::uint8_t>(address.bytes[i / 8] ^ (0x80 >> (i % 8)));
    }
    return address;
}

TEST(AddressCipher, images_have_as_many_leading_bits_in_common_as_the_originals) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 200; ++round) {
        recording::AddressCipher cipher(key_of(random()));
        for (const bool is_v4 : {true, false}) {
            for (int i = 0; i < 30; ++i) {
                const unsigned first = is_v4 ? 96 : 0;
                const tcp::IpAddress a = random_address(random, is_v4);
                const tcp::IpAddress b =
                    neighbour(a, first + static_cast<unsigned>(random() % (128 - first)), random);
                if (a.is_unspecified() || b.is_unspecified()) continue;
                ASSERT_EQ(common_bits(cipher.image(a), cipher.image(b)), common_bits(a, b))
                    << a.text(tcp::Family::ipv6) << " " << b.text(tcp::Family::ipv6);
            }
        }
    }
}

TEST(AddressCipher, ipv4_stays_ipv4_and_ipv6_does_not_become_it) {
    std::mt19937_64 random(2);
    recording::AddressCipher cipher(key_of(2));
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(cipher.image(random_address(random, true)).is_v4());
        EXPECT_FALSE(cipher.image(random_address(random, false)).is_v4());
    }
}

TEST(AddressCipher, a_whole_network_has_as_many_images) {
    recording::AddressCipher cipher(key_of(3));
    std::set<tcp::IpAddress> images;
    for (int i = 0; i < 1 << 16; ++i) {
        tcp::IpAddress address = parse("10.20.0.0");
        address.bytes[14] = static_cast<std::uint8_t>(i >> 8);
        address.bytes[15] = static_cast<std::uint8_t>(i);
        images.insert(cipher.image(address));
    }
    EXPECT_EQ(images.size(), 1u << 16);
    EXPECT_GE(common_bits(*images.begin(), *images.rbegin()), 112u);
}

TEST(AddressCipher, what_everybody_has_stays) {
    recording::AddressCipher cipher(key_of(4));
    for (const char* text : {"127.0.0.1", "127.0.0.53", "127.255.255.255", "::1", "::", "0.0.0.0"})
        EXPECT_EQ(cipher.image(parse(text)), parse(text)) << text;
    // And nobody else becomes that: 126.0.0.0/8 has seven bits in common with it.
    EXPECT_NE(cipher.image(parse("126.0.0.1")).bytes[12], 127);
}

TEST(AddressCipher, others_change_and_differently_with_another_key) {
    recording::AddressCipher one(key_of(5));
    recording::AddressCipher other(key_of(6));
    int unchanged = 0;
    int same = 0;
    for (const char* text : {"10.0.0.1", "192.168.1.1", "172.16.9.3", "8.8.8.8", "2001:db8::1",
                             "fe80::1", "fd00::2"}) {
        unchanged += one.image(parse(text)) == parse(text) ? 1 : 0;
        same += one.image(parse(text)) == other.image(parse(text)) ? 1 : 0;
        EXPECT_EQ(one.image(parse(text)), one.image(parse(text)));
    }
    EXPECT_EQ(unchanged, 0);
    EXPECT_EQ(same, 0);
}

TEST(AddressCipher, each_bit_of_the_original_decides) {
    // About half of the bits flip: a construction that hashes too little or too much flips none or
    // all of them.
    recording::AddressCipher cipher(key_of(7));
    unsigned flipped = 0;
    std::mt19937_64 random(7);
    for (int i = 0; i < 1000; ++i) {
        const tcp::IpAddress address = random_address(random, false);
        const tcp::IpAddress image = cipher.image(address);
        for (unsigned b = 0; b < 128; ++b) flipped += bit(address, b) != bit(image, b) ? 1 : 0;
    }
    EXPECT_GT(flipped, 128 * 1000 * 45 / 100);
    EXPECT_LT(flipped, 128 * 1000 * 55 / 100);
}

TEST(AddressCipher, numbers_are_permuted_and_none_stays_none) {
    const recording::AddressCipher cipher(key_of(8));
    EXPECT_EQ(cipher.image(std::uint64_t{0}), 0u);
    std::set<std::uint64_t> images;
    std::uint64_t unchanged = 0;
    for (std::uint64_t i = 1; i <= 100'000; ++i) {
        const std::uint64_t address = 0xffff888000000000ULL + i * 64;
        images.insert(cipher.image(address));
        unchanged += cipher.image(address) == address ? 1 : 0;
    }
    EXPECT_EQ(images.size(), 100'000u);
    EXPECT_EQ(unchanged, 0u);
    EXPECT_FALSE(images.contains(0));
}

/// Rounds that were all the same would make the network its own inverse, but for the order of the
/// halves; those that leave out a half would keep differences as they are.
TEST(AddressCipher, numbers_go_through_rounds_that_differ) {
    const recording::AddressCipher cipher(key_of(9));
    const auto swapped = [](std::uint64_t x) { return x << 32 | x >> 32; };
    std::set<std::uint64_t> differences;
    constexpr std::uint64_t kNumbers = 1000;
    for (std::uint64_t i = 1; i <= kNumbers; ++i) {
        const std::uint64_t number = i * 0x9e3779b97f4a7c15ULL;
        EXPECT_NE(swapped(cipher.image(swapped(cipher.image(number)))), number);
        differences.insert(cipher.image(number) ^ cipher.image(number ^ 1));
    }
    EXPECT_EQ(differences.size(), kNumbers);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Addresses and networks: text both ways, v4-mapped ranges, host bits.
#include "tcp/address.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

tcp::IpAddress address(std::string_view text) {
    const auto parsed = tcp::IpAddress::parse(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(tcp::IpAddress{});
}

TEST(IpAddress, Ipv4IsKeptInTheMappedRange) {
    const tcp::IpAddress v4 = address("10.1.2.3");
    EXPECT_EQ(v4, address("::ffff:10.1.2.3"));
    EXPECT_TRUE(v4.is_v4());
    EXPECT_EQ(v4.bytes, (std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10,
                                                      1, 2, 3}));
}

TEST(IpAddress, TextFollowsTheFamilyOfTheSocket) {
    EXPECT_EQ(address("10.1.2.3").text(tcp::Family::ipv4), "10.1.2.3");
    EXPECT_EQ(address("255.255.255.255").text(tcp::Family::ipv4), "255.255.255.255");
    EXPECT_EQ(address("10.1.2.3").text(tcp::Family::ipv6), "::ffff:10.1.2.3");
    EXPECT_EQ(address("2001:db8:0:0:0:0:0:1").text(tcp::Family::ipv6), "2001:db8::1");
    EXPECT_EQ(address("::1").text(tcp::Family::ipv6), "::1");
    EXPECT_EQ(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").text(tcp::Family::ipv6),
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(tcp::IpAddress{}.text(tcp::Family::ipv4), "0.0.0.0");
    EXPECT_EQ(tcp::IpAddress{}.text(tcp::Family::ipv6), "::");
}

TEST(IpAddress, EachByteCounts) {
    const tcp::IpAddress one = address("2001:db8::1");
    EXPECT_EQ(one, address("2001:db8::1"));
    for (std::size_t i = 0; i < one.bytes.size(); ++i) {
        tcp::IpAddress other = one;
        other.bytes[i] ^= 0x80;
        EXPECT_NE(one, other) << i;
    }
}

TEST(IpAddress, OnlyMappedAddressesAreV4) {
    EXPECT_FALSE(address("::1").is_v4());
    EXPECT_FALSE(address("::10.0.0.1").is_v4());
    EXPECT_FALSE(tcp::IpAddress{}.is_v4());
}

TEST(IpAddress, UnspecifiedInEitherForm) {
    EXPECT_TRUE(tcp::IpAddress{}.is_unspecified());
    EXPECT_TRUE(address("0.0.0.0").is_unspecified());
    EXPECT_FALSE(address("0.0.0.1").is_unspecified());
    EXPECT_FALSE(address("::1").is_unspecified());
    EXPECT_FALSE(address("::fffe:0:0").is_unspecified());
}

TEST(IpAddress, LoopbackIsANetworkOfIpv4AndOneAddressOfIpv6) {
    for (const char* text : {"127.0.0.1", "127.255.255.255", "::1"})
        EXPECT_TRUE(address(text).is_loopback()) << text;
    for (const char* text : {"126.0.0.1", "128.0.0.1", "::2", "1::1", "::", "0.0.0.0"})
        EXPECT_FALSE(address(text).is_loopback()) << text;
}

TEST(IpAddress, RejectsWhatIsNoAddress) {
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {""sv, "10.0.0"sv, "10.0.0.256"sv, "10.0.0.1 "sv, "010.0.0.1"sv, "::g"sv, "1::2::3"sv,
          "fe80::1%eth0"sv, "localhost"sv, "10.0.0.1\0"sv, "[::1]"sv, "10.0.0.1:80"sv}) {
        EXPECT_FALSE(tcp::IpAddress::parse(text)) << text;
    }
}

TEST(Endpoint, EmptyIsNoAddressAndNoPort) {
    EXPECT_TRUE(tcp::Endpoint{}.empty());
    EXPECT_FALSE((tcp::Endpoint{{}, 80}.empty()));
    EXPECT_FALSE((tcp::Endpoint{address("::1"), 0}.empty()));
}

struct CidrCase {
    const char* network;
    const char* address;
    bool inside;
};

TEST(Cidr, Contains) {
    constexpr CidrCase kCases[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/8", "::ffff:10.9.9.9", true},
        {"10.0.0.0/8", "::10.9.9.9", false},
        {"10.1.2.3/8", "10.0.0.0", true}, // host bits don't count
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"0.0.0.0/0", "203.0.113.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.1", true}, // mapped addresses are IPv6 addresses
        {"::ffff:0:0/96", "203.0.113.1", true},
        {"::ffff:0:0/96", "2001:db8::1", false},
        {"fe80::/10", "febf::1", true},
        {"fe80::/10", "fec0::1", false},
        {"2001:db8::1", "2001:db8::1", true},
        {"2001:db8::1", "2001:db8::", false},
        {"2001:db8::/127", "2001:db8::1", true},
        {"2001:db8::/127", "2001:db8::2", false},
    };
    for (const CidrCase& c : kCases) {
        const auto cidr = tcp::Cidr::parse(c.network);
        ASSERT_TRUE(cidr) << c.network;
        EXPECT_EQ(cidr->contains(address(c.address)), c.inside) << c.address << " in " << c.network;
    }
}

TEST(Cidr, KeepsPrefixOf128BitsAndNoHostBits) {
    const auto cidr = tcp::Cidr::parse("10.255.255.255/9");
    ASSERT_TRUE(cidr);
    EXPECT_EQ(cidr->prefix, 105);
    EXPECT_EQ(cidr->network, address("10.128.0.0"));
}

TEST(Cidr, RejectsWhatIsNoNetwork) {
    for (const char* text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                             "10.0.0.0/+8", "10.0.0.0/8x", "10/8", "::/129", "10.0.0.0/8/8",
                             "10.0.0.0 /8", "10.0.0.0/255.0.0.0", "10.0.0.0/4294967304"}) {
        EXPECT_FALSE(tcp::Cidr::parse(text)) << text;
    }
}

} // namespace
} // namespace tcpdwell::test

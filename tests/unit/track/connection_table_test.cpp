// SPDX-License-Identifier: Apache-2.0
// Connections by four-tuple and by kernel address, where hashes are the same though what is looked
// for isn't.
#include <gtest/gtest.h>

#include <functional>

#include "track/connection_table.h"

namespace tcpdwell::test {
namespace {

/// The index keeps 32 bits of a hash: of so many, a few have those in common.
constexpr std::uint32_t kEnough = 200'000;

tcp::FourTuple some_tuple() {
    return {{tcp::IpAddress::parse("10.0.0.1").value(), 80},
            {tcp::IpAddress::parse("10.0.0.2").value(), 50'000},
            tcp::Family::ipv4};
}

void number(tcp::IpAddress& address, std::uint32_t n) {
    for (std::size_t i = 0; i < 3; ++i)
        address.bytes[13 + i] = static_cast<std::uint8_t>(n >> (16 - 8 * i));
}

/// Each of many that differ in one thing only is found.
void expect_each_is_found(
    const std::function<void(std::uint32_t n, std::uint32_t& netns, tcp::FourTuple&)>& vary) {
    track::ConnectionTable table;
    const auto who = [&vary](std::uint32_t n) {
        std::pair<std::uint32_t, tcp::FourTuple> identity{1, some_tuple()};
        vary(n, identity.first, identity.second);
        return identity;
    };
    std::vector<track::Slot> slots;
    for (std::uint32_t n = 0; n < kEnough; ++n) {
        track::Connection& c = table.create();
        std::tie(c.who.netns, c.who.tuple) = who(n);
        table.index_tuple(c);
        slots.push_back(c.who.slot);
    }
    for (std::uint32_t n = 0; n < kEnough; ++n) {
        const auto [netns, tuple] = who(n);
        ASSERT_EQ(table.by_tuple(netns, tuple), &table[slots[n]]) << n;
    }
}

TEST(ConnectionTable, finds_each_of_many_namespaces) {
    expect_each_is_found(
        [](std::uint32_t n, std::uint32_t& netns, tcp::FourTuple&) { netns = 1 + n; });
}

TEST(ConnectionTable, finds_each_of_many_local_addresses) {
    expect_each_is_found([](std::uint32_t n, std::uint32_t&, tcp::FourTuple& tuple) {
        number(tuple.local.address, n);
    });
}

TEST(ConnectionTable, finds_each_of_many_remote_addresses) {
    expect_each_is_found([](std::uint32_t n, std::uint32_t&, tcp::FourTuple& tuple) {
        number(tuple.remote.address, n);
    });
}

TEST(ConnectionTable, finds_each_of_many_ports) {
    expect_each_is_found([](std::uint32_t n, std::uint32_t&, tcp::FourTuple& tuple) {
        tuple.local.port = static_cast<tcp::Port>(1 + n % 1000);
        tuple.remote.port = static_cast<tcp::Port>(1 + n / 1000);
    });
}

/// Bits that it left out would give many connections one hash.
TEST(ConnectionTable, each_bit_of_what_distinguishes_connections_decides_their_hash) {
    const tcp::FourTuple base = some_tuple();
    const auto low_half = [](std::uint32_t netns, const tcp::FourTuple& tuple) {
        return static_cast<std::uint32_t>(track::hash_of(netns, tuple)); // what the index keeps
    };
    for (unsigned i = 0; i < 32; ++i)
        EXPECT_NE(low_half(1u ^ (1u << i), base), low_half(1, base)) << i;
    for (const auto end : {&tcp::FourTuple::local, &tcp::FourTuple::remote}) {
        for (unsigned i = 0; i < 128; ++i) {
            tcp::FourTuple other = base;
            std::uint8_t& byte = (other.*end).address.bytes[i / 8];
            byte = static_cast<std::uint8_t>(byte ^ (1u << (i % 8)));
            EXPECT_NE(low_half(1, other), low_half(1, base)) << i;
        }
        for (unsigned i = 0; i < 16; ++i) {
            tcp::FourTuple other = base;
            (other.*end).port = static_cast<tcp::Port>((other.*end).port ^ (1u << i));
            EXPECT_NE(low_half(1, other), low_half(1, base)) << i;
        }
    }
}

/// Two addresses, one of them of a mini-socket, belong to one connection; who comes later takes
/// them over.
TEST(ConnectionTable, an_address_belongs_to_the_last_that_had_it) {
    track::ConnectionTable table;
    track::Connection& first = table.create();
    table.set_socket(first, 0x1000);
    table.set_other(first, 0x2000);
    EXPECT_EQ(table.by_object(0x1000), &first);
    EXPECT_EQ(table.by_object(0x2000), &first);
    EXPECT_EQ(table.by_object(0x3000), nullptr);
    EXPECT_EQ(table.by_object(0), nullptr);
    track::Connection& second = table.create();
    table.set_socket(second, 0x2000);
    EXPECT_EQ(table.by_object(0x2000), &second);
    EXPECT_EQ(table.by_object(0x1000), &first);
    table.set_socket(first, 0x4000);
    EXPECT_EQ(table.by_object(0x1000), nullptr);
    EXPECT_EQ(table.by_object(0x4000), &first);
    table.release(second);
    EXPECT_EQ(table.by_object(0x2000), nullptr);
}

TEST(ConnectionTable, the_least_recent_is_the_one_untouched_for_the_longest) {
    track::ConnectionTable table;
    track::Connection& a = table.create();
    track::Connection& b = table.create();
    track::Connection& c = table.create();
    EXPECT_EQ(table.least_recent(), &a);
    table.touch(a);
    EXPECT_EQ(table.least_recent(), &b);
    table.touch(c);
    table.touch(b);
    EXPECT_EQ(table.least_recent(), &a);
    table.release(a);
    EXPECT_EQ(table.least_recent(), &c);
    table.release(b);
    table.release(c);
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(table.least_recent(), nullptr);
}

} // namespace
} // namespace tcpdwell::test

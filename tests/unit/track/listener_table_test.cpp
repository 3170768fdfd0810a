// SPDX-License-Identifier: Apache-2.0
// Which listener a connection belongs to, and that it doesn't take longer the more there are.
#include <gtest/gtest.h>

#include <ctime>

#include "track/connection_table.h"

namespace tcpdwell::test {
namespace {

class ListenerTable : public testing::Test {
protected:
    track::Connection& listen(const char* address, std::uint32_t netns = 1) {
        return listen(tcp::IpAddress::parse(address).value(), netns);
    }
    track::Connection& listen(const tcp::IpAddress& address, std::uint32_t netns = 1) {
        track::Connection& c = table.create();
        c.state = tcp::State::LISTEN;
        c.who.netns = netns;
        c.who.tuple.local = {address, 80};
        table.index_listener(c);
        return c;
    }
    track::Connection* match(const char* address, std::uint32_t netns = 1) {
        return table.listener_for(netns, {tcp::IpAddress::parse(address).value(), 80});
    }

    track::ConnectionTable table;
};

TEST_F(ListenerTable, the_address_itself_comes_before_a_wildcard) {
    track::Connection& first = listen("10.0.0.1");
    track::Connection& all = listen("0.0.0.0");
    track::Connection& last = listen("10.0.0.2");
    EXPECT_EQ(match("10.0.0.1"), &first);
    EXPECT_EQ(match("10.0.0.2"), &last);
    EXPECT_EQ(match("10.0.0.3"), &all);
    EXPECT_EQ(match("10.0.0.3", 2), nullptr);
}

TEST_F(ListenerTable, of_several_wildcards_that_of_the_family_and_of_one_address_the_first) {
    track::Connection& v6 = listen("::");
    EXPECT_EQ(match("10.0.0.1"), &v6);
    listen("0.0.0.0");
    track::Connection& v4 = listen("0.0.0.0"); // the latest
    listen("::");
    EXPECT_EQ(match("10.0.0.1"), &v4);
    EXPECT_NE(match("2001:db8::1"), &v4);
    track::Connection& same = listen("10.0.0.1");
    listen("10.0.0.1");
    EXPECT_EQ(match("10.0.0.1"), &same);
}

TEST_F(ListenerTable, who_listens_no_more_is_none) {
    track::Connection& first = listen("10.0.0.1");
    track::Connection& second = listen("10.0.0.1");
    first.ended = true;
    EXPECT_EQ(match("10.0.0.1"), &second);
    table.release(first);
    EXPECT_EQ(match("10.0.0.1"), &second);
    second.who.tuple.local.port = 81; // learnt late: it is still forgotten
    table.release(second);
    EXPECT_EQ(match("10.0.0.1"), nullptr);
}

/// Going through all of them for each would take minutes here.
TEST_F(ListenerTable, many_addresses_at_one_port_take_no_time) {
    constexpr std::uint32_t kMany = 100'000;
    const auto numbered = [](std::uint32_t n) {
        tcp::IpAddress address = tcp::IpAddress::parse("127.0.0.0").value();
        for (std::size_t i = 0; i < 3; ++i)
            address.bytes[13 + i] = static_cast<std::uint8_t>(n >> (16 - 8 * i));
        return address;
    };
    const std::clock_t begin = std::clock();
    std::vector<track::Connection*> all;
    for (std::uint32_t n = 1; n <= kMany; ++n) all.push_back(&listen(numbered(n)));
    for (std::uint32_t n = 1; n <= kMany; ++n)
        ASSERT_EQ(table.listener_for(1, {numbered(n), 80}), all[n - 1]);
    EXPECT_EQ(match("127.255.0.1"), nullptr);
    for (track::Connection* c : all) table.release(*c);
    EXPECT_EQ(match("127.0.0.1"), nullptr);
    EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 10);
}

} // namespace
} // namespace tcpdwell::test

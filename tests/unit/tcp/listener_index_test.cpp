// SPDX-License-Identifier: Apache-2.0
#include "tcp/listener_index.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

tcp::Endpoint endpoint(const char* address, tcp::Port port) {
    return {tcp::IpAddress::parse(address).value(), port};
}

TEST(ListenerIndex, finds_by_namespace_address_and_port) {
    tcp::ListenerIndex<int> index;
    index.at(1, endpoint("10.0.0.1", 80)) = 5;
    index.at(1, endpoint("10.0.0.2", 80)) = 6;
    ASSERT_NE(index.find(1, endpoint("10.0.0.1", 80)), nullptr);
    EXPECT_EQ(*index.find(1, endpoint("10.0.0.1", 80)), 5);
    EXPECT_EQ(index.find(2, endpoint("10.0.0.1", 80)), nullptr);
    EXPECT_EQ(index.find(1, endpoint("10.0.0.1", 81)), nullptr);
    EXPECT_EQ(index.find(1, endpoint("10.0.0.3", 80)), nullptr);
    EXPECT_EQ(index.size(), 2u);
    index.erase(1, endpoint("10.0.0.1", 80));
    EXPECT_EQ(index.find(1, endpoint("10.0.0.1", 80)), nullptr);
    EXPECT_EQ(index.size(), 1u);
    index.erase(1, endpoint("10.0.0.1", 80)); // once more
    EXPECT_EQ(index.size(), 1u);
}

TEST(ListenerIndex, wildcards_in_the_order_in_which_the_kernel_prefers_them) {
    using Index = tcp::ListenerIndex<int>;
    const auto v4 = Index::wildcards_for(endpoint("10.0.0.1", 80).address);
    ASSERT_EQ(v4.size(), 2u);
    EXPECT_EQ(v4[0], endpoint("0.0.0.0", 80).address);
    EXPECT_EQ(v4[1], endpoint("::", 80).address);
    const auto v6 = Index::wildcards_for(endpoint("2001:db8::1", 80).address);
    ASSERT_EQ(v6.size(), 1u);
    EXPECT_EQ(v6[0], endpoint("::", 80).address);
}

} // namespace
} // namespace tcpdwell::test

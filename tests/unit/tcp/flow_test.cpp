// SPDX-License-Identifier: Apache-2.0
// The number of a flow: the same at both ends and in all versions.
#include "tcp/flow.h"

#include <gtest/gtest.h>

#include <set>

namespace tcpdwell::test {
namespace {

tcp::Endpoint flow_end(const char* address, tcp::Port port) {
    return {*tcp::IpAddress::parse(address), port};
}

TEST(Flow, IsTheSameAtBothEnds) {
    const tcp::Endpoint client = flow_end("10.0.0.1", 40000);
    const tcp::Endpoint server = flow_end("10.0.0.2", 443);
    const tcp::FourTuple there{client, server, tcp::Family::ipv4};
    // A server that listens on :: has v4-mapped connections of an IPv6 socket.
    const tcp::FourTuple here{server, client, tcp::Family::ipv6};
    EXPECT_EQ(flow_of(there), flow_of(here));
}

// Hosts of different versions compare these numbers, and tables keep them.
TEST(Flow, NeverChanges) {
    const auto flow = [](const char* a, tcp::Port p, const char* b, tcp::Port q) {
        return tcp::flow_of({flow_end(a, p), flow_end(b, q), tcp::Family::ipv6});
    };
    EXPECT_EQ(flow("10.0.0.1", 40000, "10.0.0.2", 443), 2831010707547987085U);
    EXPECT_EQ(flow("2001:db8::1", 1, "2001:db8::2", 65535), 15921059008181049954U);
    EXPECT_EQ(flow("127.0.0.1", 0, "127.0.0.1", 0), 13816156379211015363U);
}

TEST(Flow, NeighboursDiffer) {
    std::set<std::uint64_t> flows;
    std::size_t sampled = 0;
    constexpr std::size_t kAll = 20'000;
    for (std::size_t i = 0; i < kAll; ++i) {
        const auto port = static_cast<tcp::Port>(20'000 + i);
        const std::uint64_t flow =
            tcp::flow_of({flow_end("10.0.0.1", port), flow_end("10.0.0.2", 80), tcp::Family::ipv4});
        flows.insert(flow);
        sampled += flow % 10 == 0;
    }
    EXPECT_EQ(flows.size(), kAll);
    EXPECT_NEAR(static_cast<double>(sampled), kAll / 10.0, 200); // some five standard deviations
    // Ends exchanged by address but not by port are another connection.
    EXPECT_NE(tcp::flow_of({flow_end("10.0.0.1", 1), flow_end("10.0.0.2", 2), tcp::Family::ipv4}),
              tcp::flow_of({flow_end("10.0.0.1", 2), flow_end("10.0.0.2", 1), tcp::Family::ipv4}));
    // Connected to itself: sums and differences of the ends are no help.
    EXPECT_NE(tcp::flow_of({flow_end("10.0.0.1", 1), flow_end("10.0.0.1", 1), tcp::Family::ipv4}),
              tcp::flow_of({flow_end("10.0.0.1", 2), flow_end("10.0.0.1", 2), tcp::Family::ipv4}));
}

} // namespace
} // namespace tcpdwell::test

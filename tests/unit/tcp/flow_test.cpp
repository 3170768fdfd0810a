// SPDX-License-Identifier: Apache-2.0
// The numbers of flows, which never change: hosts of different versions compare them.
#include "tcp/flow.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <utility>

namespace tcpdwell::test {
namespace {

tcp::Endpoint flow_end(std::string_view address, tcp::Port port) {
    return {tcp::IpAddress::parse(address).value(), port};
}

// Worked out by another implementation, of arbitrary integers.
TEST(Flow, values) {
    struct Case {
        tcp::Endpoint one;
        tcp::Endpoint other;
        std::uint64_t flow;
    };
    for (const Case& each :
         {Case{flow_end("10.0.0.1", 80), flow_end("192.0.2.9", 50123), 0x21e50ec2f1561ba7},
          Case{flow_end("127.0.0.1", 7104), flow_end("127.0.0.1", 40000), 0xef4ec8b7ee1d1335},
          Case{flow_end("::1", 443), flow_end("2001:db8::7", 65535), 0x32f6ed0ae6d8d57e},
          Case{flow_end("127.0.0.1", 1), flow_end("127.0.0.1", 1), 0x15f958a7a2458987}}) {
        for (const tcp::Family family : {tcp::Family::ipv4, tcp::Family::ipv6}) {
            EXPECT_EQ(tcp::flow_of({each.one, each.other, family}), each.flow);
            EXPECT_EQ(tcp::flow_of({each.other, each.one, family}), each.flow);
        }
    }
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

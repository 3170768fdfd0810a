// SPDX-License-Identifier: Apache-2.0
// The numbers of flows, which never change: hosts of different versions compare them.
#include "tcp/flow.h"

#include <gtest/gtest.h>

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

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "tcp/listener_match.h"

#include <gtest/gtest.h>

#include <vector>

namespace tcpdwell::test {
namespace {

tcp::IpAddress address(const char* text) { return tcp::IpAddress::parse(text).value(); }

struct Listener {
    tcp::IpAddress address;
    bool is_closed = false;
};

const Listener* match(const std::vector<Listener>& listeners, const char* local) {
    return match_listener(listeners, address(local), [](const Listener& listener) {
        return listener.is_closed ? nullptr : &listener.address;
    });
}

TEST(MatchListener, the_address_itself_comes_before_a_wildcard_wherever_it_stands) {
    const std::vector<Listener> first{{address("10.0.0.1")}, {address("0.0.0.0")}};
    const std::vector<Listener> last{{address("::")}, {address("10.0.0.1")}};
    EXPECT_EQ(match(first, "10.0.0.1"), &first[0]);
    EXPECT_EQ(match(last, "10.0.0.1"), &last[1]);
    EXPECT_EQ(match(first, "10.0.0.2"), &first[1]);
    EXPECT_EQ(match(last, "10.0.0.2"), &last[0]);
}

TEST(MatchListener, who_listens_elsewhere_or_no_more_is_none) {
    EXPECT_EQ(match({}, "10.0.0.1"), nullptr);
    EXPECT_EQ(match({{address("10.0.0.2")}}, "10.0.0.1"), nullptr);
    EXPECT_EQ(match({{address("0.0.0.0"), true}}, "10.0.0.1"), nullptr);
}

} // namespace
} // namespace tcpdwell::test

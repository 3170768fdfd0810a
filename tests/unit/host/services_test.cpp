// SPDX-License-Identifier: Apache-2.0
// Names of ports, as far as this host has a table of them.
#include "host/services.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace tcpdwell::test {
namespace {

TEST(Services, names_have_ports_or_a_reason) {
    const auto https = host::tcp_port_of_service("https");
    const auto unknown = host::tcp_port_of_service("no-such-service");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::usage);
    if (access("/etc/services", R_OK) != 0) {
        ASSERT_FALSE(https);
        EXPECT_NE(https.error().message.find("netbase"), std::string::npos);
        return;
    }
    ASSERT_TRUE(https) << https.error().message;
    EXPECT_EQ(*https, 443);
    EXPECT_NE(unknown.error().message.find("no TCP service of that name"), std::string::npos);
}

} // namespace
} // namespace tcpdwell::test

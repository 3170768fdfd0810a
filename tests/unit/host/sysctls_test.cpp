// SPDX-License-Identifier: Apache-2.0
#include "host/sysctls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace tcpdwell::test {
namespace {

TEST(Sysctls, ReadsTheValuesOfThisNamespace) {
    const auto sysctls = host::read_tcp_sysctls();
    const auto value = [&](std::string_view name) {
        const auto found =
            std::find_if(sysctls.begin(), sysctls.end(),
                         [&](const host::Sysctl& each) { return each.name == name; });
        return found == sysctls.end() ? std::string("none") : found->value;
    };
    const std::string timeout = value("net.ipv4.tcp_fin_timeout");
    ASSERT_FALSE(timeout.empty());
    EXPECT_TRUE(std::all_of(timeout.begin(), timeout.end(), [](char c) { return std::isdigit(c); }))
        << timeout;
    EXPECT_NE(value("net.core.somaxconn"), "none");

    const std::string range = value("net.ipv4.ip_local_port_range");
    EXPECT_EQ(std::count(range.begin(), range.end(), ' '), 1) << range;
    EXPECT_EQ(range.find_first_of("\t\n"), std::string::npos);
}

TEST(Sysctls, NamesAreDotted) {
    const auto names = host::tcp_sysctl_names();
    EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
    for (const std::string_view name : names) {
        EXPECT_TRUE(name.starts_with("net.")) << name;
        EXPECT_EQ(name.find('/'), std::string_view::npos) << name;
    }
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "analysis/host_facts.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

constexpr std::uint32_t kSomeNetns = 4026532291;
constexpr const char* kRange = "net.ipv4.ip_local_port_range";

analysis::HostFacts facts(std::initializer_list<event::Fact> list) {
    analysis::HostFacts host;
    for (const event::Fact& fact : list) host.on_fact(fact);
    return host;
}

TEST(HostFacts, knows_what_it_was_reported) {
    const analysis::HostFacts host =
        facts({{0, "kernel", "6.12"}, {0, "kernel", "6.18"}, {0, "net.core.somaxconn", "4096"}});
    EXPECT_EQ(host.about_host("kernel"), "6.18"); // the newest
    EXPECT_EQ(host.about_host("machine"), std::nullopt);
    EXPECT_EQ(host.sysctl(0, "net.core.somaxconn"), "4096");
    EXPECT_EQ(host.sysctl(0, "net.ipv4.tcp_tw_reuse"), std::nullopt);
}

TEST(HostFacts, a_namespace_that_is_not_known_is_taken_for_the_own) {
    const analysis::HostFacts host = facts(
        {{0, "net.ipv4.tcp_fin_timeout", "60"}, {kSomeNetns, "net.ipv4.tcp_fin_timeout", "5"}});
    EXPECT_EQ(host.sysctl_number(kSomeNetns, "net.ipv4.tcp_fin_timeout"), 5u);
    EXPECT_EQ(host.sysctl_number(kSomeNetns + 1, "net.ipv4.tcp_fin_timeout"), 60u);
    EXPECT_EQ(host.sysctl_number(0, "net.ipv4.tcp_fin_timeout"), 60u);
    EXPECT_EQ(host.sysctl_number(kSomeNetns + 1, "net.ipv4.tcp_syn_retries"), std::nullopt);
}

TEST(HostFacts, numbers_are_the_first_ones) {
    const analysis::HostFacts host =
        facts({{0, "a.rmem", "4096\t131072\t6291456"}, {0, "a.word", "cubic"}, {0, "a.none", ""}});
    EXPECT_EQ(host.sysctl_number(0, "a.rmem"), 4096u);
    EXPECT_EQ(host.sysctl_number(0, "a.word"), std::nullopt);
    EXPECT_EQ(host.sysctl_number(0, "a.none"), std::nullopt);
}

TEST(HostFacts, port_range) {
    using Range = std::pair<std::uint32_t, std::uint32_t>;
    EXPECT_EQ(facts({{0, kRange, "32768\t60999"}}).port_range(0), Range(32768, 60999));
    EXPECT_EQ(facts({{0, kRange, "1024 65535"}}).port_range(kSomeNetns), Range(1024, 65535));
    EXPECT_EQ(facts({{0, kRange, "5000  5000"}}).port_range(0), Range(5000, 5000));
    EXPECT_EQ(facts({{0, kRange, "1 2"}, {kSomeNetns, kRange, "3 9"}}).port_range(kSomeNetns),
              Range(3, 9));
    EXPECT_EQ(analysis::HostFacts().port_range(0), std::nullopt);
}

/// Facts may come from a recording that somebody else has made.
TEST(HostFacts, port_range_that_is_none) {
    for (const char* text :
         {"", " ", "\t", "32768", "32768 ", "32768\t", " 32768 60999", "60999 32768", "1 65536",
          "a b", "1 b", "-1 5", "1 99999999999999999999", "1,5"})
        EXPECT_EQ(facts({{0, kRange, text}}).port_range(0), std::nullopt) << '"' << text << '"';
}

TEST(HostFacts, own_sysctls_are_those_with_a_dot_and_of_no_other_namespace) {
    const analysis::HostFacts host = facts(
        {{0, "net.b", "2"}, {0, "kernel", "6.18"}, {0, "net.a", "1"}, {kSomeNetns, "net.c", "3"}});
    using List = std::vector<std::pair<std::string_view, std::string_view>>;
    EXPECT_EQ(host.own_sysctls(), (List{{"net.a", "1"}, {"net.b", "2"}}));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "host/kernel_counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <thread>

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> parsed(std::string_view text) {
    std::vector<std::string> lines;
    for (const host::KernelCounter& each : host::parse_kernel_counters(text))
        lines.push_back(each.name + " " + std::to_string(each.value));
    return lines;
}

TEST(KernelCounters, ParsesPairsOfLines) {
    EXPECT_THAT(parsed("Ip: Forwarding ActiveOpens\nIp: 1 64\n"
                       "Tcp: RtoMin MaxConn ActiveOpens PassiveOpens OutRsts\n"
                       "Tcp: 200 -1 17 0 18446744073709551615\n"
                       "UdpLite: InDatagrams\nUdpLite: 3\n"),
                ElementsAre("Tcp.ActiveOpens 17", "Tcp.PassiveOpens 0",
                            "Tcp.OutRsts 18446744073709551615"));
    EXPECT_THAT(parsed("TcpExt: SyncookiesSent TW OutRsts\nTcpExt: 4 5 6\n"
                       "IpExt: TW\nIpExt: 9"),
                ElementsAre("TcpExt.SyncookiesSent 4", "TcpExt.TW 5"));
}

TEST(KernelCounters, LeavesOutWhatIsNoNumber) {
    EXPECT_THAT(parsed("Tcp: ActiveOpens PassiveOpens AttemptFails EstabResets OutRsts\n"
                       "Tcp: -1 18446744073709551616 1x  7\n"),
                ElementsAre("Tcp.OutRsts 7"));
}

TEST(KernelCounters, LeavesOutGroupsWhoseLinesDontFit) {
    EXPECT_THAT(parsed("Tcp: ActiveOpens OutRsts\nTcp: 1\nTcpExt: TW\nTcpExt: 2\n"),
                ElementsAre("TcpExt.TW 2"));
    EXPECT_THAT(parsed("Tcp: ActiveOpens\nTcp: 1 2\n"), IsEmpty());
    EXPECT_THAT(parsed("Tcp: ActiveOpens\nTcpExt: 1\n"), IsEmpty());
    EXPECT_THAT(parsed("Tcp: ActiveOpens"), IsEmpty());
    for (const char* text :
         {"", "\n", "\n\n", ":", ":\n:", "Tcp:\nTcp:\n", "Tcp: \nTcp: \n", "Tcp\nTcp\n", " \n \n"})
        EXPECT_THAT(parsed(text), IsEmpty()) << text;
}

TEST(KernelCounters, ReadsThoseOfTheNamespace) {
    const auto counters = host::read_kernel_counters();
    for (const char* name : {"Tcp.ActiveOpens", "TcpExt.ListenOverflows", "TcpExt.TW"})
        EXPECT_EQ(std::ranges::count(counters, name, &host::KernelCounter::name), 1) << name;
}

/// A thread that has entered a namespace reads that one's counters.
TEST(KernelCounters, FollowTheThread) {
    bool can_try = false;
    bool all_zero = true;
    std::thread([&] {
        can_try = ::unshare(CLONE_NEWNET) == 0;
        if (!can_try) return;
        for (const host::KernelCounter& each : host::read_kernel_counters())
            all_zero = all_zero && each.value == 0;
    }).join();
    if (!can_try) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
    EXPECT_TRUE(all_zero) << "nothing has ever been there";
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// States against the kernel's own numbers.
#include "tcp/state.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

namespace tcpdwell {
namespace {

TEST(TcpState, ValuesAreTheKernels) {
#define TCPDWELL_CHECK(value, name, rfc) static_assert(static_cast<int>(TcpState::name) == BPF_TCP_##name);
    TCPDWELL_STATE_LIST(TCPDWELL_CHECK)
#undef TCPDWELL_CHECK
    EXPECT_EQ(kAllStates.size(), 11u);
}

TEST(TcpState, NamesOfLinuxAndOfTheRfc) {
    EXPECT_EQ(name(TcpState::SYN_RECV), "SYN_RECV");
    EXPECT_EQ(name(TcpState::FIN_WAIT1), "FIN_WAIT1");
    EXPECT_EQ(name(TcpState::CLOSE), "CLOSE");
    EXPECT_EQ(rfc_name(TcpState::SYN_RECV), "SYN-RECEIVED");
    EXPECT_EQ(rfc_name(TcpState::FIN_WAIT1), "FIN-WAIT-1");
    EXPECT_EQ(rfc_name(TcpState::CLOSE), "CLOSED");
    for (const TcpState state : kAllStates) {
        EXPECT_FALSE(name(state).empty());
        EXPECT_FALSE(rfc_name(state).empty());
    }
}

TEST(TcpState, KernelValuesThatAreStates) {
    for (const TcpState state : kAllStates) EXPECT_EQ(state_from_kernel(static_cast<unsigned>(state)), state);
    EXPECT_EQ(state_from_kernel(BPF_TCP_NEW_SYN_RECV), TcpState::SYN_RECV);
    EXPECT_EQ(state_from_kernel(13), TcpState::CLOSE); // TCP_BOUND_INACTIVE, newer than these headers
}

TEST(TcpState, KernelValuesThatAreNot) {
    EXPECT_EQ(state_from_kernel(0), std::nullopt);
    EXPECT_EQ(state_from_kernel(14), std::nullopt);
    EXPECT_EQ(state_from_kernel(257), std::nullopt); // not cut to 1
}

} // namespace
} // namespace tcpdwell

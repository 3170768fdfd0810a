// SPDX-License-Identifier: Apache-2.0
// States against the kernel's own numbers.
#include "tcp/state.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

namespace tcpdwell {
namespace {

TEST(TcpState, ValuesAreTheKernels) {
#define TCPDWELL_CHECK(name, word, value, rfc) \
    static_assert(static_cast<int>(TcpState::name) == BPF_TCP_##name);
    TCPDWELL_STATE_LIST(TCPDWELL_CHECK)
#undef TCPDWELL_CHECK
    EXPECT_EQ(kCountOf<TcpState>, 11u);
}

TEST(TcpState, NamesOfLinuxAndOfTheRfc) {
    EXPECT_EQ(name(TcpState::SYN_RECV), "SYN_RECV");
    EXPECT_EQ(name(TcpState::FIN_WAIT1), "FIN_WAIT1");
    EXPECT_EQ(name(TcpState::CLOSE), "CLOSE");
    EXPECT_EQ(rfc_name(TcpState::SYN_RECV), "SYN-RECEIVED");
    EXPECT_EQ(rfc_name(TcpState::FIN_WAIT1), "FIN-WAIT-1");
    EXPECT_EQ(rfc_name(TcpState::CLOSE), "CLOSED");
    for (const TcpState state : kAllOf<TcpState>) {
        EXPECT_FALSE(name(state).empty());
        EXPECT_FALSE(rfc_name(state).empty());
    }
}

TEST(TcpState, OrderOfLife) {
    using enum TcpState;
    EXPECT_THAT(kAllOf<TcpState>,
                testing::ElementsAre(LISTEN, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT1, FIN_WAIT2,
                                     CLOSING, TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSE));
    for (const TcpState state : kAllOf<TcpState>)
        EXPECT_EQ(has_connection(state), state != LISTEN && state != CLOSE) << name(state);
}

TEST(TcpState, KernelValuesThatAreStates) {
    for (const TcpState state : kAllOf<TcpState>)
        EXPECT_EQ(state_from_kernel(static_cast<unsigned>(state)), state);
    EXPECT_EQ(state_from_kernel(BPF_TCP_NEW_SYN_RECV), TcpState::SYN_RECV);
    EXPECT_EQ(state_from_kernel(13),
              TcpState::CLOSE); // TCP_BOUND_INACTIVE, newer than these headers
}

TEST(TcpState, KernelValuesThatAreNot) {
    EXPECT_EQ(state_from_kernel(0), std::nullopt);
    EXPECT_EQ(state_from_kernel(14), std::nullopt);
    EXPECT_EQ(state_from_kernel(257), std::nullopt); // not cut to 1
}

} // namespace
} // namespace tcpdwell

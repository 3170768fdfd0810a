// SPDX-License-Identifier: Apache-2.0
// States against the kernel's own numbers.
#include "tcp/state.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

namespace tcpdwell::test {
namespace {

TEST(State, ValuesAreTheKernels) {
#define TCPDWELL_CHECK(name, word, value, rfc) \
    static_assert(static_cast<int>(tcp::State::name) == BPF_TCP_##name);
    TCPDWELL_STATE_LIST(TCPDWELL_CHECK)
#undef TCPDWELL_CHECK
    EXPECT_EQ(kCountOf<tcp::State>, 11u);
}

TEST(State, NamesOfLinuxAndOfTheRfc) {
    EXPECT_EQ(name(tcp::State::SYN_RECV), "SYN_RECV");
    EXPECT_EQ(name(tcp::State::FIN_WAIT1), "FIN_WAIT1");
    EXPECT_EQ(name(tcp::State::CLOSE), "CLOSE");
    EXPECT_EQ(rfc_name(tcp::State::SYN_RECV), "SYN-RECEIVED");
    EXPECT_EQ(rfc_name(tcp::State::FIN_WAIT1), "FIN-WAIT-1");
    EXPECT_EQ(rfc_name(tcp::State::CLOSE), "CLOSED");
    for (const tcp::State state : kAllOf<tcp::State>) {
        EXPECT_FALSE(name(state).empty());
        EXPECT_FALSE(rfc_name(state).empty());
    }
}

TEST(State, OrderOfLife) {
    using enum tcp::State;
    EXPECT_THAT(kAllOf<tcp::State>,
                testing::ElementsAre(LISTEN, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT1, FIN_WAIT2,
                                     CLOSING, TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSE));
    for (const tcp::State state : kAllOf<tcp::State>)
        EXPECT_EQ(has_connection(state), state != LISTEN && state != CLOSE) << name(state);
}

TEST(State, KernelValuesThatAreStates) {
    for (const tcp::State state : kAllOf<tcp::State>)
        EXPECT_EQ(tcp::state_from_kernel(static_cast<unsigned>(state)), state);
    EXPECT_EQ(tcp::state_from_kernel(BPF_TCP_NEW_SYN_RECV), tcp::State::SYN_RECV);
    EXPECT_EQ(tcp::state_from_kernel(13),
              tcp::State::CLOSE); // TCP_BOUND_INACTIVE, newer than these headers
}

TEST(State, KernelValuesThatAreNot) {
    EXPECT_EQ(tcp::state_from_kernel(0), std::nullopt);
    EXPECT_EQ(tcp::state_from_kernel(14), std::nullopt);
    EXPECT_EQ(tcp::state_from_kernel(257), std::nullopt); // not cut to 1
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// The words of the interface, each in its place.
#include "tcp/close.h"

#include <gtest/gtest.h>

#include <vector>

namespace tcpdwell::test {
namespace {

/// The words of E, in the order of its values.
template <class E>
std::vector<std::string_view> names() {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < kCountOf<E>; ++i) names.push_back(name(static_cast<E>(i)));
    return names;
}

using Words = std::vector<std::string_view>;

TEST(CloseWords, Role) { EXPECT_EQ(names<tcp::Role>(), (Words{"client", "server", "unknown"})); }

TEST(CloseWords, ClosedFirst) {
    EXPECT_EQ(names<tcp::ClosedFirst>(), (Words{"local", "remote", "both", "none", "unknown"}));
}

TEST(CloseWords, Ending) {
    EXPECT_EQ(
        names<tcp::Ending>(),
        (Words{"fin", "reset_sent", "reset_received", "timed_out", "refused", "connect_failed",
               "handshake_failed", "fin_wait2_expired", "dropped_silently", "open", "unknown"}));
}

TEST(CloseWords, EndingDetail) {
    EXPECT_EQ(names<tcp::EndingDetail>(), (Words{"",
                                                 "so_linger_zero",
                                                 "unread_data",
                                                 "data_after_close",
                                                 "linger2",
                                                 "listener_closed",
                                                 "disconnect",
                                                 "admin_kill",
                                                 "orphan_limit",
                                                 "retransmission",
                                                 "user_timeout",
                                                 "keepalive",
                                                 "timeout",
                                                 "unreachable",
                                                 "no_port",
                                                 "given_up",
                                                 "mptcp_fastclose",
                                                 "repair",
                                                 "reset_sent",
                                                 "reset_received",
                                                 "peer_fin_not_seen"}));
}

TEST(CloseWords, TimeWaitEnd) {
    EXPECT_EQ(names<tcp::TimeWaitEnd>(), (Words{"expired", "reused", "recycled", "reset", "killed",
                                                "purged", "overflow", "open", "unknown"}));
}

TEST(CloseWords, Seen) { EXPECT_EQ(names<tcp::Seen>(), (Words{"whole", "joined", "gap"})); }

} // namespace
} // namespace tcpdwell::test

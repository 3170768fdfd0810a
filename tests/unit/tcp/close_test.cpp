// SPDX-License-Identifier: Apache-2.0
// The words of the interface, each in its place.
#include "tcp/close.h"

#include <gtest/gtest.h>

#include <vector>

namespace tcpdwell {
namespace {

/// Names of the values of E from 0 up to `last`.
template <class E>
std::vector<std::string_view> names_up_to(E last) {
    std::vector<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(last); ++i) names.push_back(name(static_cast<E>(i)));
    return names;
}

using Words = std::vector<std::string_view>;

TEST(CloseWords, Role) { EXPECT_EQ(names_up_to(Role::unknown), (Words{"client", "server", "unknown"})); }

TEST(CloseWords, ClosedFirst) {
    EXPECT_EQ(names_up_to(ClosedFirst::unknown), (Words{"local", "remote", "both", "none", "unknown"}));
}

TEST(CloseWords, Ending) {
    EXPECT_EQ(names_up_to(Ending::unknown),
              (Words{"fin", "reset_sent", "reset_received", "timed_out", "refused", "connect_failed",
                     "handshake_failed", "fin_wait2_expired", "open", "unknown"}));
}

TEST(CloseWords, EndingDetail) {
    EXPECT_EQ(names_up_to(EndingDetail::peer_fin_not_seen),
              (Words{"", "so_linger_zero", "unread_data", "data_after_close", "linger2", "listener_closed",
                     "disconnect", "admin_kill", "orphan_limit", "retransmission", "user_timeout", "keepalive",
                     "timeout", "unreachable", "no_port", "given_up", "peer_fin_not_seen"}));
}

TEST(CloseWords, TimeWaitEnd) {
    EXPECT_EQ(names_up_to(TimeWaitEnd::unknown),
              (Words{"expired", "reused", "recycled", "reset", "killed", "purged", "overflow", "open", "unknown"}));
}

TEST(CloseWords, Seen) { EXPECT_EQ(names_up_to(Seen::gap), (Words{"whole", "joined", "gap"})); }

} // namespace
} // namespace tcpdwell

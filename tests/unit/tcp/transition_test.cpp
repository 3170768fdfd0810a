// SPDX-License-Identifier: Apache-2.0
// The whole table of edges, drawn a second time by hand.
#include "tcp/transition.h"

#include <gtest/gtest.h>

namespace tcpdwell {
namespace {

TEST(EdgeKind, WholeTable) {
    // R: RFC 9293, L: Linux only, dot: unexpected. Columns in the order of the rows.
    struct {
        TcpState from;
        std::string_view to;
    } constexpr kTable[] = {
        // clang-format off
        {TcpState::ESTABLISHED, "...R..RR..."},
        {TcpState::SYN_SENT,    "R.R...R...."},
        {TcpState::SYN_RECV,    "R..R..RR.R."},
        {TcpState::FIN_WAIT1,   "...LRRR...R"},
        {TcpState::FIN_WAIT2,   "....LRR...."},
        {TcpState::TIME_WAIT,   "......R...."},
        {TcpState::CLOSE,       ".R....L..R."},
        {TcpState::CLOSE_WAIT,  "......R.R.."},
        {TcpState::LAST_ACK,    "......R.L.."},
        {TcpState::LISTEN,      ".RR...R...."},
        {TcpState::CLOSING,     ".....RR...L"},
        // clang-format on
    };
    ASSERT_EQ(std::size(kTable), kAllOf<TcpState>.size());
    for (const auto& row : kTable) {
        ASSERT_EQ(row.to.size(), kAllOf<TcpState>.size()) << name(row.from);
        for (std::size_t i = 0; i < std::size(kTable); ++i) {
            const EdgeKind expected = row.to[i] == 'R'   ? EdgeKind::rfc9293
                                      : row.to[i] == 'L' ? EdgeKind::linux_specific
                                                         : EdgeKind::unexpected;
            EXPECT_EQ(edge_kind(row.from, kTable[i].from), expected)
                << name(row.from) << " -> " << name(kTable[i].from);
        }
    }
}

TEST(EdgeKind, EveryStateCanEndInClose) {
    for (const TcpState state : kAllOf<TcpState>)
        EXPECT_NE(edge_kind(state, TcpState::CLOSE), EdgeKind::unexpected) << name(state);
}

} // namespace
} // namespace tcpdwell

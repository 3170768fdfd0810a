// SPDX-License-Identifier: Apache-2.0
// The whole table of edges, drawn a second time by hand.
#include "tcp/transition.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

TEST(EdgeKind, WholeTable) {
    // R: RFC 9293, L: Linux only, dot: unexpected. Columns in the order of the rows.
    struct {
        tcp::State from;
        std::string_view to;
    } constexpr kTable[] = {
        // clang-format off
        {tcp::State::ESTABLISHED, "...R..RR..."},
        {tcp::State::SYN_SENT,    "R.R...R...."},
        {tcp::State::SYN_RECV,    "R..R..RR.R."},
        {tcp::State::FIN_WAIT1,   "...LRRR...R"},
        {tcp::State::FIN_WAIT2,   "....LRR...."},
        {tcp::State::TIME_WAIT,   "......R...."},
        {tcp::State::CLOSE,       ".R....L..R."},
        {tcp::State::CLOSE_WAIT,  "......R.R.."},
        {tcp::State::LAST_ACK,    "......R.L.."},
        {tcp::State::LISTEN,      ".RR...R...."},
        {tcp::State::CLOSING,     ".....RR...L"},
        // clang-format on
    };
    ASSERT_EQ(std::size(kTable), kAllOf<tcp::State>.size());
    for (const auto& row : kTable) {
        ASSERT_EQ(row.to.size(), kAllOf<tcp::State>.size()) << name(row.from);
        for (std::size_t i = 0; i < std::size(kTable); ++i) {
            const tcp::EdgeKind expected = row.to[i] == 'R'   ? tcp::EdgeKind::rfc9293
                                           : row.to[i] == 'L' ? tcp::EdgeKind::linux_specific
                                                              : tcp::EdgeKind::unexpected;
            EXPECT_EQ(edge_kind(row.from, kTable[i].from), expected)
                << name(row.from) << " -> " << name(kTable[i].from);
        }
    }
}

TEST(EdgeKind, EveryStateCanEndInClose) {
    for (const tcp::State state : kAllOf<tcp::State>)
        EXPECT_NE(edge_kind(state, tcp::State::CLOSE), tcp::EdgeKind::unexpected) << name(state);
}

} // namespace
} // namespace tcpdwell::test

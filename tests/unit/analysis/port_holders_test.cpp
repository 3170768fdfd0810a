// SPDX-License-Identifier: Apache-2.0
// Who holds local ports, and what the connections do.
#include "analysis/port_holders.h"

#include <gtest/gtest.h>

#include "lines.h"

namespace tcpdwell::test {
namespace {

using analysis::PortState;

class PortHolders : public testing::Test {
protected:
    void holds(std::string_view comm, tcp::State state, int count = 1,
               std::optional<std::uint32_t> quiet_ms = {}) {
        event::SocketNumbers numbers;
        if (quiet_ms) numbers.since_sent_ms = numbers.since_received_ms = *quiet_ms;
        for (int i = 0; i < count; ++i) {
            const auto& who = names_.add(tcp::Role::client, tuple("10.0.0.1", 1, "10.0.0.2", 80),
                                         process(7, comm));
            track::LiveSocket socket = live(who, state, at(0s));
            if (quiet_ms) socket.numbers = &numbers;
            socket.numbers_at = at(1s);
            holders_.note(socket, at(1500ms), 1);
        }
    }

    ProcessNames names_;
    analysis::PortHolders holders_;
};

TEST_F(PortHolders, by_state) {
    holds("app", TIME_WAIT, 2);
    holds("app", CLOSE_WAIT, 3);
    holds("app", ESTABLISHED, 4, 500); // half a second before it was looked at
    holds("app", ESTABLISHED, 5, 499);
    holds("app", ESTABLISHED); // nothing is known of it
    EXPECT_EQ(holders_.count(), 15u);
    EXPECT_EQ(holders_.in(PortState::time_wait), 2u);
    EXPECT_EQ(holders_.in(PortState::close_wait), 3u);
    EXPECT_EQ(holders_.in(PortState::idle), 4u);
    EXPECT_EQ(holders_.in(PortState::other), 6u);
    EXPECT_EQ(holders_.most_are(), PortState::other);
    holds("app", CLOSE_WAIT, 10);
    EXPECT_EQ(holders_.most_are(), PortState::close_wait);
}

TEST_F(PortHolders, by_program_the_one_with_the_most_first) {
    holds("payment", TIME_WAIT, 2);
    holds("crawler", TIME_WAIT, 3);
    ASSERT_EQ(holders_.programs().size(), 2u);
    EXPECT_EQ(event::comm_text(holders_.programs()[0].comm), "crawler");
    EXPECT_EQ(holders_.programs()[0].ports, 3u);
    for (int i = 0; i < 20; ++i) holds("app" + std::to_string(i), TIME_WAIT);
    EXPECT_EQ(holders_.programs().size(), analysis::PortHolders::kMostPrograms);
    std::uint64_t sum = 0;
    for (const auto& each : holders_.programs()) sum += each.ports;
    EXPECT_EQ(sum, 25u);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What is kept of each end of a connection, to be compared with the other host's.
#include "analysis/end_summaries.h"

#include <gtest/gtest.h>

#include "ended_line.h"

namespace tcpdwell::test {
namespace {

struct EndSummariesTest : testing::Test {
    analysis::EndSummaries ends{"a", 3};

    void add(EndedLine line, bool selected = true) {
        ends.add(line.get(), synth::kTestClock, selected);
    }
    std::size_t kept(const char* local, tcp::Port local_port, const char* remote,
                     tcp::Port remote_port) {
        EndedLine line = client_end(ClosedFirst::local, Ending::fin);
        line.who.tuple = tuple(local, local_port, remote, remote_port);
        analysis::EndSummaries one("a");
        one.add(line.get(), synth::kTestClock, true);
        return one.size();
    }
    static std::int64_t wall(Nanoseconds when) {
        return synth::kTestClock.to_wall(at(when)).time_since_epoch().count();
    }
};

TEST_F(EndSummariesTest, have_what_the_line_says) {
    add(client_end(ClosedFirst::remote, Ending::reset_received, EndingDetail::timeout), false);
    ASSERT_EQ(ends.size(), 1u);
    const analysis::EndSummary& end = ends[0];
    EXPECT_EQ(end.local, (tcp::Endpoint{address("10.0.0.2"), 50'000}));
    EXPECT_EQ(end.remote, (tcp::Endpoint{address("10.0.0.1"), 80}));
    EXPECT_EQ(end.role, tcp::Role::client);
    EXPECT_EQ(end.closed_first, ClosedFirst::remote);
    EXPECT_EQ(end.ending, Ending::reset_received);
    EXPECT_EQ(end.detail, EndingDetail::timeout);
    EXPECT_FALSE(end.selected);
    EXPECT_EQ(end.opened_ns, wall(1s));
    EXPECT_EQ(end.over_ns, wall(2s));
    EXPECT_TRUE(ends.owns(end.local.address));
    EXPECT_FALSE(ends.owns(end.remote.address));
}

TEST_F(EndSummariesTest, are_over_when_time_wait_begins) {
    add(client_end(ClosedFirst::local, Ending::fin).stays(TIME_WAIT, 300ms));
    EXPECT_EQ(ends[0].over_ns, wall(1700ms));
    EndedLine unknown = client_end(ClosedFirst::local, Ending::fin);
    unknown.states.push_back({TIME_WAIT, std::nullopt});
    add(unknown);
    EXPECT_FALSE(ends[1].is_over());
    EndedLine open = client_end(ClosedFirst::none, Ending::open);
    open.line.closed.reset();
    open.line.opened.reset();
    add(open);
    EXPECT_FALSE(ends[2].is_over());
    EXPECT_FALSE(ends[2].has_opened());
}

TEST_F(EndSummariesTest, keep_the_states_of_each) {
    add(client_end(ClosedFirst::local, Ending::fin));
    EndedLine visited = served_end(ClosedFirst::remote, Ending::fin).stays(CLOSE_WAIT, 5ms);
    visited.stays(ESTABLISHED, 7ms);
    visited.states.push_back({LAST_ACK, std::nullopt});
    add(visited);
    const analysis::EndSummary& first = ends[0];
    const analysis::EndSummary& second = ends[1];
    ASSERT_EQ(ends.states(first).size(), 2u);
    ASSERT_EQ(ends.states(second).size(), 5u);
    EXPECT_EQ(ends.states(second)[0].state, SYN_RECV);
    EXPECT_EQ(ends.states(second)[2].dwell, Nanoseconds(5ms));
    EXPECT_EQ(ends.states(second)[4].dwell, std::nullopt);
    EXPECT_EQ(ends.time_in(second, ESTABLISHED), Nanoseconds(107ms)) << "of both visits";
    EXPECT_EQ(ends.time_in(second, LAST_ACK), std::nullopt) << "its length wasn't seen";
    EXPECT_EQ(ends.time_in(second, TIME_WAIT), std::nullopt);
    EXPECT_TRUE(ends.has_been_in(second, SYN_RECV));
    EXPECT_TRUE(ends.has_been_in(second, LAST_ACK));
    EXPECT_FALSE(ends.has_been_in(first, LAST_ACK));
    EXPECT_FALSE(ends.has_been_in(first, SYN_RECV));
    EXPECT_FALSE(ends.has_been_in(second, SYN_SENT));
}

TEST_F(EndSummariesTest, are_of_connections_that_another_host_may_see) {
    EXPECT_EQ(kept("10.0.0.2", 1, "10.0.0.1", 2), 1u);
    EXPECT_EQ(kept("fd00::1", 1, "fd00::2", 2), 1u);
    EXPECT_EQ(kept("10.0.0.2", 0, "10.0.0.1", 2), 0u);
    EXPECT_EQ(kept("10.0.0.2", 1, "10.0.0.1", 0), 0u);
    EXPECT_EQ(kept("10.0.0.1", 1, "10.0.0.1", 2), 0u);
    EXPECT_EQ(kept("127.0.0.2", 1, "127.0.0.1", 2), 0u);
    EXPECT_EQ(kept("10.0.0.1", 1, "127.0.0.1", 2), 0u);
    EXPECT_EQ(kept("::1", 1, "fd00::2", 2), 0u);
    EXPECT_EQ(kept("0.0.0.0", 1, "10.0.0.1", 2), 0u);
    EXPECT_EQ(kept("10.0.0.1", 1, "0.0.0.0", 2), 0u);
}

TEST_F(EndSummariesTest, are_counted_beyond_the_limit) {
    for (int i = 0; i < 5; ++i) add(client_end(ClosedFirst::local, Ending::fin));
    EXPECT_EQ(ends.size(), 3u);
    EXPECT_EQ(ends.left_out(), 2u);
}

TEST_F(EndSummariesTest, have_times_whose_difference_can_be_taken) {
    const auto least = WallTime(Nanoseconds(INT64_MIN));
    const auto most = WallTime(Nanoseconds(INT64_MAX));
    ends.set_span(least, most);
    EXPECT_EQ(ends.begin().time_since_epoch().count(), 0);
    EXPECT_EQ(ends.end().time_since_epoch().count(), std::int64_t{1} << 62);
    ends.set_span(WallTime(1ns), WallTime(2ns));
    EXPECT_EQ(ends.begin(), WallTime(1ns));
    EXPECT_EQ(ends.end(), WallTime(2ns));
}

} // namespace
} // namespace tcpdwell::test

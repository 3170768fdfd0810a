// SPDX-License-Identifier: Apache-2.0
// Which mini-sockets have to be looked at again.
#include "live/waiting_minis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "records.h"

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using enum tcp::State;

class WaitingMinisTest : public testing::Test {
protected:
    void timer(td_timer_op op, tcp::State substate, std::uint16_t port,
               std::uint32_t netns = kNetns) {
        waiting.on_event(event::bytes_of(timer_record(op, substate, port, 0, netns)));
    }
    bool listed(tcp::State state, unsigned flags, std::uint16_t port) {
        return waiting.on_listed(event::bytes_of(socket_record(state, flags, port)));
    }

    live::WaitingMinis waiting{true};
};

TEST_F(WaitingMinisTest, WaitsFromFinWait2ToTheNextEventOfItsTimer) {
    timer(TD_TIMER_START, FIN_WAIT2, 1);
    EXPECT_FALSE(waiting.empty());
    timer(TD_TIMER_CANCEL, FIN_WAIT2, 2); // another one
    EXPECT_FALSE(waiting.empty());
    timer(TD_TIMER_CANCEL, FIN_WAIT2, 1);
    EXPECT_TRUE(waiting.empty());
}

TEST_F(WaitingMinisTest, RestartInTimeWaitEndsTheWait) {
    timer(TD_TIMER_START, FIN_WAIT2, 1);
    timer(TD_TIMER_START, TIME_WAIT, 1);
    EXPECT_TRUE(waiting.empty());
}

TEST_F(WaitingMinisTest, TimeWaitFromTheBeginningDoesNotWait) {
    timer(TD_TIMER_START, TIME_WAIT, 1);
    EXPECT_TRUE(waiting.empty());
}

TEST_F(WaitingMinisTest, SnapshotShowsThoseThatExistedBefore) {
    EXPECT_TRUE(listed(FIN_WAIT2, 0, 1)); // a full socket, which has an event for every change
    EXPECT_TRUE(listed(TIME_WAIT, TD_SOCKET_MINI, 2));
    EXPECT_TRUE(waiting.empty());
    EXPECT_TRUE(listed(FIN_WAIT2, TD_SOCKET_MINI, 3));
    EXPECT_FALSE(waiting.empty());
}

TEST_F(WaitingMinisTest, SweepIsNewsOnceOfThoseThatWait) {
    timer(TD_TIMER_START, FIN_WAIT2, 1);
    constexpr unsigned sweep = TD_SOCKET_MINI | TD_SOCKET_SWEEP;
    EXPECT_FALSE(listed(TIME_WAIT, sweep, 2));
    EXPECT_TRUE(listed(TIME_WAIT, sweep, 1));
    EXPECT_FALSE(listed(TIME_WAIT, sweep, 1));
    EXPECT_TRUE(waiting.empty());
}

TEST_F(WaitingMinisTest, OtherRecordsOfTheSamplerPass) {
    td_snapshot bracket{};
    bracket.h = event::header_of<td_snapshot>(TD_SNAPSHOT, 0, kNetns);
    EXPECT_TRUE(waiting.on_listed(event::bytes_of(bracket)));
}

TEST_F(WaitingMinisTest, FamilyMakesNoDifference) {
    auto record = timer_record(TD_TIMER_START, FIN_WAIT2, 1);
    record.tuple.family = 2;
    waiting.on_event(event::bytes_of(record));
    record = timer_record(TD_TIMER_CANCEL, FIN_WAIT2, 1);
    record.tuple.family = 10;
    waiting.on_event(event::bytes_of(record));
    EXPECT_TRUE(waiting.empty());
}

TEST_F(WaitingMinisTest, NamespacesOnceEach) {
    timer(TD_TIMER_START, FIN_WAIT2, 1, 100);
    timer(TD_TIMER_START, FIN_WAIT2, 2, 100);
    timer(TD_TIMER_START, FIN_WAIT2, 1,
          200); // the same four-tuple elsewhere is another mini-socket
    EXPECT_THAT(waiting.namespaces(), UnorderedElementsAre(100, 200));
    timer(TD_TIMER_CANCEL, FIN_WAIT2, 1, 200);
    EXPECT_THAT(waiting.namespaces(), ElementsAre(100));
}

TEST(WaitingMinis, EmptyWhereEveryChangeHasAnEvent) {
    live::WaitingMinis waiting(false);
    waiting.on_event(event::bytes_of(timer_record(TD_TIMER_START, FIN_WAIT2, 1)));
    EXPECT_TRUE(waiting.on_listed(event::bytes_of(socket_record(FIN_WAIT2, TD_SOCKET_MINI, 2))));
    EXPECT_TRUE(waiting.empty());
}

} // namespace
} // namespace tcpdwell::test

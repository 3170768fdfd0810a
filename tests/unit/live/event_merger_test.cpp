// SPDX-License-Identifier: Apache-2.0
// The order in which events and listed sockets are handed over.
#include "live/event_merger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "records.h"

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using enum tcp::State;

class EventMergerTest : public testing::Test {
protected:
    void event(std::uint64_t time_ns) {
        merger.add_event(event::bytes_of(timer_record(TD_TIMER_START, TIME_WAIT, 1, time_ns)),
                         kept.sink());
    }
    void lost(std::uint64_t time_ns) {
        td_lost r{};
        r.h = event::header_of<td_lost>(TD_LOST, time_ns, 0);
        merger.add_event(event::bytes_of(r), kept.sink());
    }
    void listed(std::uint64_t time_ns) {
        merger.add_listed(event::bytes_of(socket_record(ESTABLISHED, 0, 1, time_ns)));
    }

    live::EventMerger merger{1000};
    KeptRecords kept;
};

TEST_F(EventMergerTest, EventsPassAtOnceWhileNothingIsListed) {
    event(10);
    EXPECT_THAT(kept.times(), ElementsAre(10));
    event(20);
    EXPECT_THAT(kept.times(), ElementsAre(10, 20));
}

TEST_F(EventMergerTest, HeldEventsAndListedSocketsComeInOrderOfTime) {
    merger.hold();
    event(10);
    event(30);
    listed(5);
    listed(20);
    listed(40);
    merger.pass_listed(kept.sink());
    EXPECT_THAT(kept.times(), IsEmpty());

    merger.release(kept.sink());
    EXPECT_THAT(kept.times(), ElementsAre(5, 10, 20, 30, 40));
    EXPECT_FALSE(merger.holding());
}

TEST_F(EventMergerTest, OfTheSameTimeTheListedSocketComesFirst) {
    merger.hold();
    event(10);
    listed(10);
    merger.release(kept.sink());
    EXPECT_THAT(kept.kinds(), ElementsAre(TD_SOCKET, TD_TIMEWAIT));
}

// An event record may be committed a little after its time: what has a place in the stream keeps
// it.
TEST_F(EventMergerTest, EventsKeepTheirOrderAmongEachOther) {
    merger.hold();
    event(30);
    event(10);
    listed(20);
    merger.release(kept.sink());
    EXPECT_THAT(kept.times(), ElementsAre(20, 30, 10));
}

TEST_F(EventMergerTest, LossesKeepTheirPlaceAmongHeldEvents) {
    merger.hold();
    event(10);
    lost(20);
    event(30);
    listed(15);
    listed(25);
    merger.release(kept.sink());
    EXPECT_THAT(kept.kinds(), ElementsAre(TD_TIMEWAIT, TD_SOCKET, TD_LOST, TD_SOCKET, TD_TIMEWAIT));
}

TEST_F(EventMergerTest, AfterReleaseNothingIsHeldAndNothingComesTwice) {
    merger.hold();
    event(10);
    listed(5);
    merger.release(kept.sink());
    event(20);
    listed(15);
    merger.pass_listed(kept.sink());
    merger.pass_listed(kept.sink());
    merger.release(kept.sink());
    EXPECT_THAT(kept.times(), ElementsAre(5, 10, 20, 15));
}

// Owners and sweeps come without a listing of sockets.
TEST_F(EventMergerTest, ListedRecordsPassAfterTheEventsThatCameBefore) {
    listed(5);
    event(10);
    merger.pass_listed(kept.sink());
    EXPECT_THAT(kept.times(), ElementsAre(10, 5));
}

TEST_F(EventMergerTest, FullByHeldEventsOnly) {
    merger.hold();
    for (int i = 0; i < 100; ++i) listed(1);
    EXPECT_FALSE(merger.full());
    while (!merger.full()) event(2);
    constexpr std::size_t kEvents = 12; // of 88 bytes: more than 1000
    merger.release(kept.sink());
    EXPECT_EQ(kept.all().size(), 100 + kEvents);
    EXPECT_FALSE(merger.full());
}

TEST_F(EventMergerTest, RecordsOfAListingThatGoesOnAfterReleasePass) {
    merger.hold();
    event(10);
    listed(5);
    merger.release(kept.sink());
    listed(12);
    event(20);
    merger.pass_listed(kept.sink());
    EXPECT_THAT(kept.times(), ElementsAre(5, 10, 20, 12));
}

} // namespace
} // namespace tcpdwell::test

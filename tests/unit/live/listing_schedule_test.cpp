// SPDX-License-Identifier: Apache-2.0
// What the sampler is asked for, and when, on a clock of the test's own.
#include "live/listing_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "records.h"

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using enum tcp::State;
using Kind = live::ListingRequest::Kind;

constexpr std::uint64_t kSecond = 1000 * kMs;
constexpr std::uint64_t kStart = 1000 * kSecond;
constexpr live::JiffiesClock kTickClock{{1'000'000, kStart}, 250};

class ListingScheduleTest : public testing::Test {
protected:
    std::optional<live::ListingRequest> next() {
        auto request = schedule.next(now, waiting);
        if (!request || request->kind != Kind::waiting || shows_looks) return request;
        schedule.on_done(live::SamplerDone::waiting, now);
        return schedule.next(now, waiting);
    }
    /// The kind of the request that is due now; nullopt if none is.
    std::optional<Kind> next_kind() {
        const auto request = next();
        return request ? std::optional(request->kind) : std::nullopt;
    }
    void done_after(std::uint64_t took_ns, live::SamplerDone what) {
        now += took_ns;
        schedule.on_done(what, now);
    }
    /// The first snapshot, which takes no time.
    void begin() {
        ASSERT_EQ(next_kind(), Kind::snapshot);
        schedule.on_done(live::SamplerDone::sockets, now);
        schedule.on_done(live::SamplerDone::owners, now);
    }
    /// The last counters, which take no time.
    void end_counters() {
        ASSERT_EQ(next_kind(), Kind::counters);
        schedule.on_done(live::SamplerDone::counters, now);
    }
    void let_wait(std::uint16_t port = 1, std::uint32_t netns = kNetns) {
        waiting.on_event(event::bytes_of(timer_record(TD_TIMER_START, FIN_WAIT2, port, 0, netns)));
    }
    void end_wait(std::uint16_t port = 1) {
        waiting.on_event(event::bytes_of(timer_record(TD_TIMER_CANCEL, FIN_WAIT2, port)));
    }

    std::uint64_t now = kStart;
    bool shows_looks = false; ///< else they are made at once, and take no time
    live::WaitingMinis waiting{true};
    live::ListingSchedule schedule{kTickClock};
};

TEST_F(ListingScheduleTest, FirstASnapshotAndReadyAfterItsOwners) {
    EXPECT_EQ(next_kind(), Kind::snapshot);
    EXPECT_FALSE(next());
    done_after(10 * kMs, live::SamplerDone::sockets);
    EXPECT_FALSE(next()); // the owners are still under way
    EXPECT_FALSE(schedule.ready());
    EXPECT_TRUE(schedule.awaits_answer(now));
    done_after(10 * kMs, live::SamplerDone::owners);
    EXPECT_TRUE(schedule.ready());
    EXPECT_FALSE(schedule.awaits_answer(now));
    now += 3600 * kSecond;
    EXPECT_EQ(next_kind(), Kind::counters); // nothing was lost and nothing waits
}

TEST_F(ListingScheduleTest, ResyncFiveSecondsAfterTheLastListing) {
    begin();
    schedule.want_resync();
    now += 5 * kSecond - 1;
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::snapshot);
    done_after(0, live::SamplerDone::sockets);
    done_after(0, live::SamplerDone::owners);
    now += 3600 * kSecond;
    EXPECT_EQ(next_kind(), Kind::counters); // one is enough
}

TEST_F(ListingScheduleTest, LossesDuringAListingWantAnotherOne) {
    ASSERT_EQ(next_kind(), Kind::snapshot);
    schedule.want_resync();
    done_after(0, live::SamplerDone::sockets);
    done_after(0, live::SamplerDone::owners);
    now += 5 * kSecond;
    EXPECT_EQ(next_kind(), Kind::snapshot);
}

TEST_F(ListingScheduleTest, SlowListingsGetRarer) {
    ASSERT_EQ(next_kind(), Kind::snapshot);
    done_after(kSecond, live::SamplerDone::sockets);
    const std::uint64_t listed = now;
    done_after(kSecond, live::SamplerDone::owners); // which doesn't count
    schedule.want_resync();
    schedule.want_relist();
    now = listed + 50 * kSecond - 1;
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::snapshot);
}

TEST_F(ListingScheduleTest, RelistAsSoonAsTheDutyFactorAllows) {
    ASSERT_EQ(next_kind(), Kind::snapshot);
    done_after(2 * kMs, live::SamplerDone::sockets);
    schedule.on_done(live::SamplerDone::owners, now);
    schedule.want_relist();
    now += 100 * kMs - 1;
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::snapshot);
}

TEST_F(ListingScheduleTest, OneSnapshotServesBothWishes) {
    begin();
    now += 5 * kSecond;
    schedule.want_resync();
    schedule.want_relist();
    ASSERT_EQ(next_kind(), Kind::snapshot);
    schedule.on_done(live::SamplerDone::sockets, now);
    schedule.on_done(live::SamplerDone::owners, now);
    now += 3600 * kSecond;
    EXPECT_EQ(next_kind(), Kind::counters);
}

TEST_F(ListingScheduleTest, SweepsOnceASecondWhileMiniSocketsWait) {
    begin();
    EXPECT_FALSE(next());
    let_wait();
    EXPECT_EQ(next_kind(), Kind::sweep);
    now += 5 * kSecond;
    EXPECT_FALSE(next()); // one at a time
    now -= 5 * kSecond;
    done_after(kMs, live::SamplerDone::sweep);
    now += kSecond - 1;
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::sweep);
    done_after(kMs, live::SamplerDone::sweep);
    end_wait();
    now += kSecond;
    EXPECT_FALSE(next());
}

TEST_F(ListingScheduleTest, SlowSweepsGetRarer) {
    begin();
    let_wait();
    ASSERT_EQ(next_kind(), Kind::sweep);
    done_after(100 * kMs, live::SamplerDone::sweep);
    now += 5 * kSecond - 1;
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::sweep);
}

TEST_F(ListingScheduleTest, SnapshotComesBeforeASweep) {
    begin();
    let_wait();
    now += 5 * kSecond;
    schedule.want_resync();
    EXPECT_EQ(next_kind(), Kind::snapshot);
}

TEST_F(ListingScheduleTest, SweepsLookForTimersSetSinceTheLastOneBegan) {
    begin();
    let_wait(1, 100);
    const auto first = next();
    ASSERT_TRUE(first);
    EXPECT_THAT(first->netns, ElementsAre(100));
    // Whatever is in TIME_WAIT may be new: it ends within 60 s.
    EXPECT_EQ(first->expires, 1'000'000 - 2);
    done_after(kSecond, live::SamplerDone::sweep);
    now += 50 * kSecond;
    end_counters();
    const auto second = next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->expires, 1'000'000 + 60 * 250 - 2);
    done_after(0, live::SamplerDone::sweep);
    now += kSecond;
    const auto third = next();
    ASSERT_TRUE(third);
    EXPECT_EQ(third->expires, 1'000'000 + 51 * 250 + 60 * 250 - 2);
}

TEST_F(ListingScheduleTest, CountersEveryTenSeconds) {
    begin(); // which brings the first ones
    now += 10 * kSecond - 1;
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::counters);
    EXPECT_TRUE(schedule.awaits_answer(now));
    EXPECT_FALSE(next()); // one at a time
    done_after(kSecond, live::SamplerDone::counters);
    EXPECT_FALSE(schedule.awaits_answer(now));
    now += 50 * kSecond - 1; // by the duty factor
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::counters);
}

TEST_F(ListingScheduleTest, LooksAtTheSocketsThatWaitEveryTenSeconds) {
    shows_looks = true;
    begin();
    now += 2 * kSecond - 1;
    EXPECT_FALSE(next());
    now += 1;
    const auto first = next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->kind, Kind::waiting);
    EXPECT_FALSE(first->all);
    EXPECT_TRUE(schedule.awaits_answer(now));
    EXPECT_FALSE(next()); // one at a time
    done_after(kMs, live::SamplerDone::waiting);
    now += 10 * kSecond - 1;
    EXPECT_EQ(next_kind(), Kind::counters);
    schedule.on_done(live::SamplerDone::counters, now);
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::waiting);
    done_after(kSecond, live::SamplerDone::waiting);
    now += 10 * kSecond;
    EXPECT_EQ(next_kind(), Kind::counters);
    schedule.on_done(live::SamplerDone::counters, now);
    now += 10 * kSecond;
    EXPECT_EQ(next_kind(), Kind::counters);
    schedule.on_done(live::SamplerDone::counters, now);
    EXPECT_FALSE(next()); // the one before took long
}

TEST_F(ListingScheduleTest, LooksForAReaderAsSoonAsTheDutyFactorAllows) {
    shows_looks = true;
    begin();
    schedule.want_look();
    const auto wanted = next();
    ASSERT_TRUE(wanted);
    EXPECT_EQ(wanted->kind, Kind::waiting);
    EXPECT_TRUE(wanted->all);
    done_after(2 * kMs, live::SamplerDone::waiting);
    schedule.want_look();
    now += 100 * kMs - 1;
    EXPECT_FALSE(next());
    now += 1;
    EXPECT_EQ(next_kind(), Kind::waiting);
    done_after(0, live::SamplerDone::waiting);
    EXPECT_FALSE(next());
}

TEST_F(ListingScheduleTest, AReaderThatBeginsAnewIsShownAllThatWait) {
    shows_looks = true;
    begin();
    schedule.want_relist();
    ASSERT_EQ(next_kind(), Kind::snapshot);
    schedule.on_done(live::SamplerDone::sockets, now);
    schedule.on_done(live::SamplerDone::owners, now);
    const auto look = next();
    ASSERT_TRUE(look);
    EXPECT_EQ(look->kind, Kind::waiting);
    EXPECT_TRUE(look->all);
}

TEST_F(ListingScheduleTest, LooksOnceMoreBeforeTheLastSweep) {
    shows_looks = true;
    begin();
    let_wait();
    schedule.stop(now);
    end_counters();
    const auto look = next();
    ASSERT_TRUE(look);
    EXPECT_EQ(look->kind, Kind::waiting);
    EXPECT_TRUE(look->all);
    EXPECT_FALSE(schedule.finished(now));
    done_after(kMs, live::SamplerDone::waiting);
    EXPECT_EQ(next_kind(), Kind::sweep);
    done_after(kMs, live::SamplerDone::sweep);
    EXPECT_FALSE(next());
    EXPECT_TRUE(schedule.finished(now));
}

TEST_F(ListingScheduleTest, StopsAfterTheLastCounters) {
    begin();
    EXPECT_FALSE(schedule.finished(now));
    schedule.stop(now);
    EXPECT_EQ(next_kind(), Kind::counters);
    EXPECT_FALSE(schedule.finished(now));
    done_after(kMs, live::SamplerDone::counters);
    EXPECT_FALSE(next());
    EXPECT_TRUE(schedule.finished(now));
}

TEST_F(ListingScheduleTest, StoppingTakesNoMoreSnapshots) {
    begin();
    now += 10 * kSecond;
    schedule.want_resync();
    schedule.want_relist();
    schedule.stop(now);
    end_counters();
    EXPECT_FALSE(next());
    EXPECT_TRUE(schedule.finished(now));
}

TEST_F(ListingScheduleTest, StoppingWaitsForTheAnswerButTwoSecondsAtMost) {
    ASSERT_EQ(next_kind(), Kind::snapshot);
    now += 600 * kSecond;
    EXPECT_TRUE(schedule.awaits_answer(now)); // no limit while it runs
    schedule.stop(now);
    now += 2 * kSecond - 1;
    EXPECT_FALSE(schedule.finished(now));
    EXPECT_TRUE(schedule.awaits_answer(now));
    now += 1;
    EXPECT_FALSE(next());
    EXPECT_FALSE(schedule.awaits_answer(now));
    EXPECT_TRUE(schedule.finished(now));
}

TEST_F(ListingScheduleTest, LastSweepWhateverThePace) {
    begin();
    let_wait();
    ASSERT_EQ(next_kind(), Kind::sweep);
    done_after(100 * kMs, live::SamplerDone::sweep);
    schedule.stop(now);
    end_counters();
    EXPECT_EQ(next_kind(), Kind::sweep);
    EXPECT_FALSE(schedule.finished(now));
    done_after(100 * kMs, live::SamplerDone::sweep);
    EXPECT_FALSE(next()); // although something still waits
    EXPECT_TRUE(schedule.finished(now));
}

TEST_F(ListingScheduleTest, LastSweepComesAfterTheOneUnderWay) {
    begin();
    let_wait();
    ASSERT_EQ(next_kind(), Kind::sweep);
    schedule.stop(now);
    EXPECT_FALSE(next());
    EXPECT_FALSE(schedule.finished(now));
    done_after(100 * kMs, live::SamplerDone::sweep);
    end_counters();
    EXPECT_EQ(next_kind(), Kind::sweep);
}

TEST_F(ListingScheduleTest, NoLastSweepAfterTheLimit) {
    ASSERT_EQ(next_kind(), Kind::snapshot);
    let_wait();
    schedule.stop(now);
    now += 2 * kSecond;
    schedule.on_done(live::SamplerDone::sockets, now);
    schedule.on_done(live::SamplerDone::owners, now);
    EXPECT_FALSE(next());
    EXPECT_TRUE(schedule.finished(now));
}

TEST_F(ListingScheduleTest, WithoutSamplerNothingIsAskedForOrAwaited) {
    ASSERT_EQ(next_kind(), Kind::snapshot);
    EXPECT_FALSE(schedule.sampler_gone());
    schedule.on_sampler_gone();
    EXPECT_TRUE(schedule.sampler_gone());
    EXPECT_TRUE(schedule.ready());
    EXPECT_FALSE(schedule.awaits_answer(now));
    schedule.want_resync();
    let_wait();
    now += 3600 * kSecond;
    EXPECT_FALSE(next());
    schedule.stop(now);
    EXPECT_FALSE(next());
    EXPECT_TRUE(schedule.finished(now));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Streams that were made to keep the tracker busy: what is listed without an address is looked up,
// not searched for among all that might be it.
#include <gtest/gtest.h>

#include <ctime>

#include "events.h"

namespace tcpdwell::test {
namespace {

constexpr std::uint32_t kWaiting = 60'000;
constexpr std::uint32_t kListed = 100'000;
/// Searching takes some minutes.
constexpr double kMostSeconds = 20;

class NoOne : public track::TrackerListener {
public:
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}
};

class CraftedStream : public testing::Test {
protected:
    void feed(const event::Event& event) { tracker_.on_event(event); }
    /// A socket of its own in each record, at a time of its own, and each in a pass of its own.
    void list_many(TestSocket s, tcp::State state) {
        s.listed_by_address = false;
        for (std::uint32_t i = 0; i < kListed; ++i) {
            const auto when = 1s + Nanoseconds(i);
            s.cookie = 1'000'000 + i;
            feed(snapshot(when, TD_SNAPSHOT_BEGIN));
            feed(s.listed(when, state));
        }
    }
    [[nodiscard]] double seconds() const {
        return static_cast<double>(std::clock() - begin_) / CLOCKS_PER_SEC;
    }
    static TestSocket numbered(std::uint32_t i) {
        TestSocket s{0xffff888000000000 + std::uint64_t{i} * 64, i + 1, v4_tuple(80)};
        s.tuple.local.port = static_cast<tcp::Port>(1 + i % 65'535);
        return s;
    }

    NoOne no_one_;
    track::Tracker tracker_{no_one_, {}};
    std::clock_t begin_ = std::clock();
};

TEST_F(CraftedStream, of_children_from_before_a_loss) {
    for (std::uint32_t i = 0; i < kWaiting; ++i) feed(numbered(i).change(999ms, LISTEN, SYN_RECV));
    feed(lost(999ms, 1));
    list_many(TestSocket{}, SYN_RECV);
    EXPECT_LT(seconds(), kMostSeconds);
}

TEST_F(CraftedStream, of_connects_without_a_port) {
    for (std::uint32_t i = 0; i < kWaiting; ++i) {
        TestSocket s = numbered(i);
        s.tuple.local.port = 0;
        feed(s.change(999ms, CLOSE, SYN_SENT, 0, 0, kApp));
    }
    list_many(TestSocket{}, SYN_SENT);
    EXPECT_EQ(tracker_.live(), kWaiting); // any of those may be one of these
    EXPECT_LT(seconds(), kMostSeconds);
}

TEST_F(CraftedStream, of_ends_of_a_moment_ago) {
    for (std::uint32_t i = 0; i < kWaiting; ++i) {
        TestSocket s = numbered(i);
        s.tuple = v4_tuple(80);
        s.cookie = 0;
        feed(s.change(999ms, CLOSE, SYN_SENT, 0, 0, kApp));
        feed(s.change(999ms, SYN_SENT, CLOSE, 111));
    }
    list_many(TestSocket{.tuple = v4_tuple(80, 50001)}, ESTABLISHED);
    EXPECT_LT(seconds(), kMostSeconds);
}

/// What waits is bounded: 65 536 children whose next event doesn't come are given up.
TEST_F(CraftedStream, of_children_that_never_show_whose_they_are) {
    constexpr std::uint32_t kMost = 65'536;
    for (std::uint32_t i = 0; i < kMost; ++i) feed(numbered(i).change(1ms, LISTEN, SYN_RECV));
    EXPECT_EQ(tracker_.totals().unexpected, 0u);
    feed(numbered(kMost).change(1ms, LISTEN, SYN_RECV));
    EXPECT_EQ(tracker_.totals().unexpected, kMost);
    for (std::uint32_t i = 1; i < kMost; ++i)
        feed(numbered(kMost + i).change(1ms, LISTEN, SYN_RECV));
    EXPECT_EQ(tracker_.totals().unexpected, kMost);
}

/// And a million of deadlines: then the first is decided before its time.
TEST_F(CraftedStream, of_timers_that_are_stopped_again_and_again) {
    constexpr std::uint32_t kMost = 1'048'576;
    const TestSocket request{.cookie = 0};
    feed(request.request(1ms, TD_TIMER_START));
    const event::Event stop = request.request(2ms, TD_TIMER_CANCEL);
    for (std::uint32_t i = 0; i < kMost; ++i) feed(stop);
    EXPECT_EQ(tracker_.totals().transitions, 1u);
    feed(stop);
    EXPECT_EQ(tracker_.totals().transitions, 2u); // it has failed
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "analysis/gauge.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

/// Long after boot, as on a server.
MonoTime moment(Nanoseconds offset) { return MonoTime(10'000h) + offset; }

constexpr double kExact = 1e-6;

TEST(Gauge, counts_now_and_at_most) {
    analysis::Gauge g;
    for (int i = 0; i < 3; ++i) g.enter(moment(1s));
    g.leave(moment(2s));
    g.enter(moment(3s));
    g.leave(moment(4s));
    g.leave(moment(4s));
    EXPECT_EQ(g.now(), 1u);
    EXPECT_EQ(g.peak(), 3u);
}

TEST(Gauge, holds_the_sum_of_all_stays) {
    analysis::Gauge g;
    EXPECT_NEAR(g.held_seconds(moment(5s)), 0, kExact);
    g.enter(moment(0s));
    g.enter(moment(10s));
    EXPECT_NEAR(g.held_seconds(moment(20s)), 20 + 10, kExact);
    g.leave(moment(30s));
    EXPECT_NEAR(g.held_seconds(moment(30s)), 30 + 20, kExact);
    EXPECT_NEAR(g.held_seconds(moment(40s)), 30 + 30, kExact);
    g.leave(moment(40s));
    EXPECT_NEAR(g.held_seconds(moment(99s)), 60, kExact);
}

TEST(Gauge, restart_forgets_the_past_but_not_who_is_there) {
    analysis::Gauge g;
    for (int i = 0; i < 5; ++i) g.enter(moment(0s));
    for (int i = 0; i < 3; ++i) g.leave(moment(10s));
    g.restart(moment(20s));
    EXPECT_EQ(g.now(), 2u);
    EXPECT_EQ(g.peak(), 2u);
    EXPECT_NEAR(g.held_seconds(moment(20s)), 0, kExact);
    EXPECT_NEAR(g.held_seconds(moment(23s)), 6, kExact);
    g.leave(moment(25s));
    EXPECT_NEAR(g.held_seconds(moment(30s)), 5 + 10, kExact);
}

/// The tracker learns of some moves late, and reports them with their own time.
TEST(Gauge, order_of_reporting_changes_no_sum) {
    analysis::Gauge g;
    g.enter(moment(50s));
    g.enter(moment(10s));
    g.leave(moment(30s));
    EXPECT_EQ(g.now(), 1u);
    EXPECT_NEAR(g.held_seconds(moment(60s)), 20 + 10, kExact);
}

TEST(Gauge, is_never_negative) {
    analysis::Gauge g;
    g.leave(moment(1s));
    EXPECT_EQ(g.now(), 0u);
    EXPECT_NEAR(g.held_seconds(moment(2s)), 0, kExact);
    g.enter(moment(5s));
    EXPECT_EQ(g.now(), 1u);
    EXPECT_NEAR(g.held_seconds(moment(6s)), 1, kExact);
    EXPECT_EQ(g.held_seconds(moment(1s)), 0); // asked for a time before all of it
}

TEST(Gauge, absorbs_another) {
    analysis::Gauge a;
    analysis::Gauge b;
    a.enter(moment(0s));
    b.enter(moment(0s));
    b.enter(moment(0s));
    b.leave(moment(4s));
    a.absorb(b);
    EXPECT_EQ(a.now(), 2u);
    EXPECT_EQ(a.peak(), 3u);
    EXPECT_NEAR(a.held_seconds(moment(10s)), 10 + 10 + 4, kExact);
}

} // namespace
} // namespace tcpdwell::test

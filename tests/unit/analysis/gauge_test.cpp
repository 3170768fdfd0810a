// SPDX-License-Identifier: Apache-2.0
#include "analysis/gauge.h"

#include <gtest/gtest.h>

namespace tcpdwell {
namespace {

using namespace std::chrono_literals;

/// Long after boot, as on a server.
MonoTime at(Nanoseconds offset) { return MonoTime(10'000h) + offset; }

constexpr double kExact = 1e-6;

TEST(Gauge, counts_now_and_at_most) {
    Gauge g;
    for (int i = 0; i < 3; ++i) g.enter(at(1s));
    g.leave(at(2s));
    g.enter(at(3s));
    g.leave(at(4s));
    g.leave(at(4s));
    EXPECT_EQ(g.now(), 1u);
    EXPECT_EQ(g.peak(), 3u);
}

TEST(Gauge, holds_the_sum_of_all_stays) {
    Gauge g;
    EXPECT_NEAR(g.held_seconds(at(5s)), 0, kExact);
    g.enter(at(0s));
    g.enter(at(10s));
    EXPECT_NEAR(g.held_seconds(at(20s)), 20 + 10, kExact);
    g.leave(at(30s));
    EXPECT_NEAR(g.held_seconds(at(30s)), 30 + 20, kExact);
    EXPECT_NEAR(g.held_seconds(at(40s)), 30 + 30, kExact);
    g.leave(at(40s));
    EXPECT_NEAR(g.held_seconds(at(99s)), 60, kExact);
}

TEST(Gauge, restart_forgets_the_past_but_not_who_is_there) {
    Gauge g;
    for (int i = 0; i < 5; ++i) g.enter(at(0s));
    for (int i = 0; i < 3; ++i) g.leave(at(10s));
    g.restart(at(20s));
    EXPECT_EQ(g.now(), 2u);
    EXPECT_EQ(g.peak(), 2u);
    EXPECT_NEAR(g.held_seconds(at(20s)), 0, kExact);
    EXPECT_NEAR(g.held_seconds(at(23s)), 6, kExact);
    g.leave(at(25s));
    EXPECT_NEAR(g.held_seconds(at(30s)), 5 + 10, kExact);
}

/// The tracker learns of some moves late, and tells them with their own time.
TEST(Gauge, order_of_telling_changes_no_sum) {
    Gauge g;
    g.enter(at(50s));
    g.enter(at(10s));
    g.leave(at(30s));
    EXPECT_EQ(g.now(), 1u);
    EXPECT_NEAR(g.held_seconds(at(60s)), 20 + 10, kExact);
}

TEST(Gauge, is_never_negative) {
    Gauge g;
    g.leave(at(1s));
    EXPECT_EQ(g.now(), 0u);
    EXPECT_NEAR(g.held_seconds(at(2s)), 0, kExact);
    g.enter(at(5s));
    EXPECT_EQ(g.now(), 1u);
    EXPECT_NEAR(g.held_seconds(at(6s)), 1, kExact);
    EXPECT_EQ(g.held_seconds(at(1s)), 0); // asked for a time before all of it
}

TEST(Gauge, absorbs_another) {
    Gauge a;
    Gauge b;
    a.enter(at(0s));
    b.enter(at(0s));
    b.enter(at(0s));
    b.leave(at(4s));
    a.absorb(b);
    EXPECT_EQ(a.now(), 2u);
    EXPECT_EQ(a.peak(), 3u);
    EXPECT_NEAR(a.held_seconds(at(10s)), 10 + 10 + 4, kExact);
}

} // namespace
} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
#include "screen/player.h"

#include <gtest/gtest.h>

#include "../run/recorded_story.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using screen::Playback;
using screen::Player;
using Status = event::EventSource::Status;

constexpr MonoTime kBegin = synth::kTestClock.mono;

/// Marks each 20 ms over `length`, without anything between.
Fd quiet_recording(Nanoseconds length) {
    return record_all(
        {{kBegin + length, encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)}});
}

class PlayerTest : public testing::Test {
protected:
    Player play(Playback playback) { return {replay(file), playback}; }
    static void poll(Player& player) {
        EXPECT_EQ(player.poll([](auto) {}), Status::more);
    }
    /// Until nothing more happens, as far as no pace is to be kept.
    static void poll_to_end(Player& player) {
        for (int i = 0; i < 10'000 && !player.has_ended(); ++i) poll(player);
        EXPECT_TRUE(player.has_ended());
    }

    Fd file = quiet_recording(20s);
};

TEST_F(PlayerTest, stays_at_the_end) {
    Player player = play({.speed = 0});
    poll_to_end(player);
    const MonoTime end = player.now();
    EXPECT_GE(end, kBegin + 20s);
    poll(player);
    EXPECT_EQ(player.now(), end);
    player.stop();
    EXPECT_EQ(player.poll([](auto) {}), Status::finished);
}

TEST_F(PlayerTest, stands_still_while_it_is_paused) {
    Player player = play({.speed = 0});
    poll(player);
    poll(player);
    player.pause(true);
    const MonoTime then = player.now();
    for (int i = 0; i < 5; ++i) poll(player);
    EXPECT_EQ(player.now(), then);
    player.pause(false);
    poll(player);
    EXPECT_GT(player.now(), then);
}

TEST_F(PlayerTest, reads_on_to_its_target_even_if_it_is_paused) {
    Player player = play({.speed = 1, .is_paused = true, .target = kBegin + 10s});
    while (player.playback().target) poll(player);
    EXPECT_GE(player.now(), kBegin + 10s);
    EXPECT_LT(player.now(), kBegin + 10s + 100ms);
    const MonoTime there = player.now();
    poll(player);
    EXPECT_EQ(player.now(), there);
}

TEST_F(PlayerTest, a_target_behind_the_end_is_the_end) {
    Player player = play({.speed = 1});
    player.skip_to(kBegin + 1h);
    poll_to_end(player);
    EXPECT_FALSE(player.playback().target);
}

TEST_F(PlayerTest, keeps_a_pace) {
    Player player = play({.speed = 1000});
    const auto begin = std::chrono::steady_clock::now();
    poll_to_end(player);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 19ms); // 20 s at 1000x
}

TEST_F(PlayerTest, speeds_double_and_halve) {
    Player player = play({.speed = 256});
    player.change_speed(true);
    player.change_speed(true);
    EXPECT_EQ(player.playback().speed, 1024);
    player.change_speed(true);
    EXPECT_EQ(player.playback().speed, 0) << "as fast as it can be read";
    player.change_speed(true);
    EXPECT_EQ(player.playback().speed, 0);
    player.change_speed(false);
    EXPECT_EQ(player.playback().speed, 1024);
    for (int i = 0; i < 20; ++i) player.change_speed(false);
    EXPECT_EQ(player.playback().speed, 0.125);
}

} // namespace
} // namespace tcpdwell::test

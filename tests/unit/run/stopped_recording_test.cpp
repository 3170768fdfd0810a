// SPDX-License-Identifier: Apache-2.0
// That recording stopped is known to whoever reads a part of it.
#include <gtest/gtest.h>

#include "event/encode.h"
#include "recorded_story.h"
#include "run/copier.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

MonoTime moment(Nanoseconds offset) { return synth::kTestClock.mono + offset; }

synth::WireRecord at_moment(Nanoseconds offset, const event::Event& event) {
    return {moment(offset), encode(event, synth::kTestClock)};
}

/// A handshake whose timer stops at 110 ms, and whose recording stops at 120 ms.
Fd record_handshake(bool is_stopped) {
    const tcp::FourTuple tuple{{*tcp::IpAddress::parse("10.0.0.1"), 80},
                               {*tcp::IpAddress::parse("10.0.0.2"), 50000},
                               tcp::Family::ipv4};
    std::vector<synth::WireRecord> records{
        at_moment(100ms,
                  event::RequestTimer{moment(100ms), 1, 0xe000, 0, tuple, TD_TIMER_START, 0}),
        at_moment(110ms,
                  event::RequestTimer{moment(110ms), 1, 0xe000, 0, tuple, TD_TIMER_CANCEL, 0})};
    if (is_stopped) records.push_back(at_moment(120ms, event::RecordingStopped{moment(120ms)}));
    return record_all(records);
}

std::vector<MonoTime> stops_in_copy(const Fd& recording, const run::TimeWindow& window) {
    const auto source = replay(recording, {.since = window.since, .until = window.until});
    std::vector<MonoTime> stops;
    const auto copied = run::copy(*source, window, [&](std::span<const std::byte> record) {
        const td_header header = event::read_header(record);
        if (header.kind == TD_STOP) stops.push_back(event::time_of(header));
        return Result<void>();
    });
    EXPECT_TRUE(copied);
    return stops;
}

TEST(StoppedRecording, is_copied_with_its_stop_wherever_the_copy_begins) {
    const Fd stopped = record_handshake(true);
    const std::vector<MonoTime> once{moment(120ms)};
    EXPECT_EQ(stops_in_copy(stopped, {}), once);
    EXPECT_EQ(stops_in_copy(stopped, {.since = moment(115ms)}), once);
    EXPECT_EQ(stops_in_copy(stopped, {.since = moment(150ms)}), once);
    EXPECT_TRUE(stops_in_copy(record_handshake(false), {}).empty());
    EXPECT_TRUE(stops_in_copy(record_handshake(false), {.since = moment(115ms)}).empty());
}

TEST(StoppedRecording, is_what_a_copy_is_that_ends_earlier) {
    for (const bool is_stopped : {false, true})
        EXPECT_EQ(stops_in_copy(record_handshake(is_stopped), {.until = moment(115ms)}),
                  std::vector<MonoTime>{moment(115ms)});
}

} // namespace
} // namespace tcpdwell::test

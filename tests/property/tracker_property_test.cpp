// SPDX-License-Identifier: Apache-2.0
// Thousands of random interleavings: the tracker, the naive reference and the truth of the stories
// say the same.
#include <gtest/gtest.h>

#include "../unit/track/outcome_collector.h"
#include "naive_tracker.h"
#include "random_run.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

std::vector<synth::Outcome> naive_outcomes(const std::vector<synth::WireRecord>& records) {
    event::Decoder decoder;
    decoder.decode(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
    NaiveTracker naive;
    for (const synth::WireRecord& record : records)
        if (const auto event = decoder.decode(record.bytes)) naive.add(*event);
    return naive.tell();
}

TEST(TrackerProperty, tracker_and_reference_show_the_truth) {
    for (const std::uint64_t seed : seeds(3000)) {
        const synth::GeneratedConnection traffic = make_traffic(random_options(seed));
        TrackerRun run;
        run.feed(traffic.records);
        run.finish();
        const std::string wrong = difference(run.collector.outcomes(), traffic.outcomes);
        ASSERT_TRUE(wrong.empty()) << "tracker, " << how_to_repeat(seed) << wrong;
        const std::string naive =
            difference(naive_outcomes(traffic.records), run.collector.outcomes());
        ASSERT_TRUE(naive.empty())
            << "reference (reported) and tracker (expected), " << how_to_repeat(seed) << naive;
        ASSERT_EQ(run.collector.complaints, std::vector<std::string>()) << how_to_repeat(seed);
        ASSERT_EQ(run.live_before_finish, 0u) << how_to_repeat(seed);
        ASSERT_EQ(run.tracker.totals().unexpected, 0u) << how_to_repeat(seed);
    }
}

} // namespace
} // namespace tcpdwell::test

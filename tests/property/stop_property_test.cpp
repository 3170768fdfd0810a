// SPDX-License-Identifier: Apache-2.0
// Random traffic whose recording stops at any moment: what is said to have ended has ended so, and
// nothing counts as missed.
#include <gtest/gtest.h>

#include "../unit/track/outcome_collector.h"
#include "random_run.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

bool is_same_connection(const synth::Outcome& a, const synth::Outcome& b) {
    const bool has_port = a.tuple.local.port != 0; // else a connect() hadn't got one yet
    return a.line && b.line && a.netns == b.netns && a.tuple.remote == b.tuple.remote &&
           (!has_port || a.tuple.local == b.tuple.local) && a.line->opened == b.line->opened;
}

/// Whether `reported` is what is known of `truth` before its end, or its end.
bool agrees_as_far(const synth::OutcomeLine& reported, const synth::OutcomeLine& truth) {
    const bool knows_end =
        reported.ending != tcp::Ending::open && reported.ending != tcp::Ending::unknown;
    if (knows_end && reported.ending != truth.ending) return false;
    if (reported.closed && knows_end && reported.detail != truth.detail) return false;
    if (reported.closed && reported.closed != truth.closed) return false;
    return !reported.time_wait || reported.time_wait->end == tcp::TimeWaitEnd::open ||
           reported.time_wait->end == tcp::TimeWaitEnd::unknown ||
           (truth.time_wait && reported.time_wait->end == truth.time_wait->end);
}

TEST(StopProperty, no_end_is_made_up) {
    for (const std::uint64_t seed : seeds(4000)) {
        synth::TrafficOptions options = random_options(seed);
        options.only_single = true;
        options.tuples = static_cast<std::uint32_t>(options.stories);
        const synth::GeneratedConnection traffic = make_traffic(options);
        std::mt19937_64 random(seed);
        const std::size_t kept = 1 + random() % traffic.records.size();
        const std::span<const synth::WireRecord> records(traffic.records.data(), kept);
        const MonoTime stop = records.back().at + Nanoseconds(random() % 2'000);

        TrackerRun run;
        run.feed(records);
        run.feed(event::RecordingStopped{stop}, stop);
        run.finish();
        EXPECT_EQ(run.collector.complaints, std::vector<std::string>()) << how_to_repeat(seed);
        EXPECT_EQ(run.tracker.totals().unexpected, 0u) << how_to_repeat(seed);
        for (const synth::Outcome& o : run.collector.outcomes()) {
            if (!o.line || !o.line->opened) continue;
            std::size_t right = 0;
            for (const synth::Outcome& truth : traffic.outcomes)
                right += is_same_connection(o, truth) && agrees_as_far(*o.line, *truth.line);
            EXPECT_NE(right, 0u) << how_to_repeat(seed) << "\ntold: " << describe(o);
            EXPECT_NE(o.line->seen, tcp::Seen::gap) << how_to_repeat(seed) << describe(o);
        }
        if (testing::Test::HasFailure()) return;
    }
}

} // namespace
} // namespace tcpdwell::test

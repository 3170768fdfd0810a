// SPDX-License-Identifier: Apache-2.0
// Random traffic in which the twin of a program has written records a second time, some time after
// the first (bpf/nested.bpf.h): nothing changes by it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "../unit/track/outcome_collector.h"
#include "random_run.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

td_state as_state(const synth::WireRecord& record) {
    td_state state{};
    std::memcpy(&state, record.bytes.data(), std::min(sizeof(state), record.bytes.size()));
    return state;
}

/// The socket may not go on before its task, which holds it, has run the twin.
MonoTime latest_repetition(const std::vector<synth::WireRecord>& records, std::size_t i) {
    const std::uint64_t sock = as_state(records[i]).sock;
    for (std::size_t k = i + 1; k < records.size(); ++k)
        if (const td_state next = as_state(records[k]);
            next.h.kind == TD_STATE && next.sock == sock)
            return records[k].at;
    return records[i].at + 100ms;
}

std::vector<synth::WireRecord> repeat_some(const std::vector<synth::WireRecord>& records,
                                           std::uint64_t seed, std::size_t& repeated) {
    std::mt19937_64 random(seed);
    const std::uint64_t one_in = 1 + random() % 20;
    std::vector<synth::WireRecord> all;
    for (std::size_t i = 0; i < records.size(); ++i) {
        all.push_back(records[i]);
        td_state state = as_state(records[i]);
        if (state.h.kind != TD_STATE || random() % one_in != 0) continue;
        const auto longest = (latest_repetition(records, i) - records[i].at).count();
        if (longest <= 0) continue;
        const auto wait = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(longest));
        state.flags |= TD_STATE_NESTED;
        state.h.time_ns += static_cast<std::uint64_t>(wait);
        synth::WireRecord again{records[i].at + Nanoseconds(wait), records[i].bytes};
        std::memcpy(again.bytes.data(), &state, std::min(sizeof(state), again.bytes.size()));
        all.push_back(again);
        ++repeated;
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    return all;
}

TEST(RepetitionProperty, records_written_twice_change_nothing) {
    std::size_t repeated = 0;
    for (const std::uint64_t seed : seeds(1500)) {
        const synth::GeneratedConnection traffic = make_traffic(random_options(seed));
        TrackerRun run;
        run.feed(repeat_some(traffic.records, seed, repeated));
        run.finish();
        const std::string wrong = difference(run.collector.outcomes(), traffic.outcomes);
        ASSERT_TRUE(wrong.empty()) << how_to_repeat(seed) << wrong;
        ASSERT_EQ(run.collector.complaints, std::vector<std::string>()) << how_to_repeat(seed);
        ASSERT_EQ(run.tracker.totals().unexpected, 0u) << how_to_repeat(seed);
    }
    EXPECT_GT(repeated, 0u);
}

} // namespace
} // namespace tcpdwell::test

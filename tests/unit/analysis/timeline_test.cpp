// SPDX-License-Identifier: Apache-2.0
#include "analysis/timeline.h"

#include <gtest/gtest.h>

#include "lines.h"
#include "report_access.h"

namespace tcpdwell::test {
namespace {

using Counts = std::vector<std::uint64_t>;

/// Empty: there is no series for that state.
Counts counts(const report::Timeline& timeline, tcp::State state) {
    for (const report::Timeline::Series& series : timeline.series)
        if (series.state == state) return series.counts;
    return {};
}

struct TimelineTest : testing::Test {
    analysis::TimelineAnalysis analysis{at(0s)};
    LineFeeder tell{analysis};
    ProcessNames people;

    report::Timeline timeline(Nanoseconds now, Nanoseconds begin = 0s) {
        return section<report::Timeline>(report_of(analysis, now, begin), "timeline");
    }
};

TEST_F(TimelineTest, samples_what_is_there_at_equal_steps) {
    auto& a = people.client(1);
    auto& b = people.client(2);
    tell.born(a, 50ms, SYN_SENT);
    tell.born(b, 120ms, SYN_SENT);
    tell.moves(a, 250ms, SYN_SENT, ESTABLISHED);
    tell.moves(b, 350ms, SYN_SENT, CLOSE);
    const report::Timeline t = timeline(500ms);
    EXPECT_EQ(t.begin, synth::kTestClock.to_wall(at(0s)));
    EXPECT_EQ(t.step, 100ms);
    EXPECT_EQ(counts(t, SYN_SENT), (Counts{0, 1, 2, 1, 0, 0}));
    EXPECT_EQ(counts(t, ESTABLISHED), (Counts{0, 0, 0, 1, 1, 1}));
}

TEST_F(TimelineTest, shows_only_states_that_there_were_and_never_of_listeners) {
    tell.born(people.listener("0.0.0.0", 80, tcp::Family::ipv4), 10ms, LISTEN);
    tell.found(people.client(1), 10ms, CLOSE_WAIT);
    const report::Timeline t = timeline(300ms);
    ASSERT_EQ(t.series.size(), 1u);
    EXPECT_EQ(t.series[0].state, CLOSE_WAIT);
    EXPECT_EQ(t.series[0].counts, (Counts{0, 1, 1, 1}));
}

TEST_F(TimelineTest, nothing_happened) { EXPECT_TRUE(timeline(10s).series.empty()); }

/// A state between two samples leaves no trace in any of them.
TEST_F(TimelineTest, is_a_sample_not_a_maximum) {
    auto& a = people.client(1);
    tell.born(a, 110ms, SYN_SENT);
    tell.moves(a, 190ms, SYN_SENT, CLOSE);
    EXPECT_TRUE(timeline(300ms).series.empty());
}

TEST_F(TimelineTest, halves_itself_when_full_and_goes_on_with_twice_the_step) {
    constexpr auto most = analysis::TimelineAnalysis::kMaxSamples;
    std::list<track::ConnectionIdentity*> all;
    // One more each second; the reference is computed from that.
    for (int i = 1; i <= 250; ++i) {
        auto& who = people.client(static_cast<tcp::Port>(i));
        tell.born(who, i * 1s - 50ms, ESTABLISHED);
        const report::Timeline t = timeline(i * 1s);
        const Counts got = counts(t, ESTABLISHED);
        ASSERT_LE(got.size(), most);
        ASSERT_EQ(static_cast<std::int64_t>(got.size() - 1), (i * 1s) / t.step) << i;
        for (std::size_t k = 0; k < got.size(); ++k) {
            const auto when = t.step * static_cast<std::int64_t>(k);
            const auto born = static_cast<std::uint64_t>((when + 50ms) / 1s);
            ASSERT_EQ(got[k], born) << "sample " << k << " at " << i << " s";
        }
    }
    EXPECT_EQ(timeline(250s).step, 800ms);
}

TEST_F(TimelineTest, a_long_silence_takes_no_more_room) {
    tell.born(people.client(1), 0s, ESTABLISHED);
    const report::Timeline t = timeline(24h * 365);
    const Counts got = counts(t, ESTABLISHED);
    EXPECT_LE(got.size(), analysis::TimelineAnalysis::kMaxSamples);
    EXPECT_GE(got.size(), analysis::TimelineAnalysis::kMaxSamples / 2);
    EXPECT_EQ(got.back(), 1u);
    EXPECT_GT(t.step * static_cast<std::int64_t>(got.size()), 24h * 365);
}

/// Neither more turns than samples and doublings, nor an overflow.
TEST_F(TimelineTest, ends_however_late_it_is) {
    tell.born(people.client(1), 0s, ESTABLISHED);
    const Nanoseconds latest = MonoTime::max() - at(0s);
    const report::Timeline t = timeline(latest);
    EXPECT_LE(counts(t, ESTABLISHED).size(), analysis::TimelineAnalysis::kMaxSamples);
    EXPECT_GT(t.step, latest / static_cast<std::int64_t>(analysis::TimelineAnalysis::kMaxSamples));
    EXPECT_EQ(counts(timeline(latest), ESTABLISHED), counts(t, ESTABLISHED));
}

TEST_F(TimelineTest, next_interval_begins_with_what_is_there) {
    auto& a = people.client(1);
    tell.born(a, 50ms, ESTABLISHED);
    timeline(100s); // the step has grown
    analysis.next_interval(at(100s));
    tell.moves(a, 100s + 150ms, ESTABLISHED, TIME_WAIT);
    const report::Timeline t = timeline(100s + 300ms, 100s);
    EXPECT_EQ(t.begin, synth::kTestClock.to_wall(at(100s)));
    EXPECT_EQ(t.step, analysis::TimelineAnalysis::kFirstStep);
    EXPECT_EQ(counts(t, ESTABLISHED), (Counts{1, 1, 0, 0}));
    EXPECT_EQ(counts(t, TIME_WAIT), (Counts{0, 0, 1, 1}));
}

TEST_F(TimelineTest, moves_that_are_reported_late_count_from_when_they_are_reported) {
    auto& a = people.client(1);
    tell.born(a, 50ms, FIN_WAIT2);
    tell.born(people.client(2), 250ms, ESTABLISHED);
    tell.moves(a, 150ms, FIN_WAIT2, TIME_WAIT);
    const report::Timeline t = timeline(300ms);
    EXPECT_EQ(counts(t, FIN_WAIT2), (Counts{0, 1, 1, 0}));
    EXPECT_EQ(counts(t, TIME_WAIT), (Counts{0, 0, 0, 1}));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// The histogram at its edges; random samples: tests/property/histogram_property_test.cpp.
#include "analysis/histogram.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

TEST(LogHistogram, without_samples_everything_is_zero) {
    const analysis::LogHistogram h;
    EXPECT_EQ(h.count(), 0u);
    EXPECT_EQ(h.min(), 0ns);
    EXPECT_EQ(h.max(), 0ns);
    EXPECT_EQ(h.mean(), 0ns);
    EXPECT_EQ(h.quantile(0.5), 0ns);
    EXPECT_TRUE(h.buckets().empty());
}

TEST(LogHistogram, negative_counts_as_zero) {
    analysis::LogHistogram h;
    h.record(-5s);
    EXPECT_EQ(h.count(), 1u);
    EXPECT_EQ(h.min(), 0ns);
    EXPECT_EQ(h.max(), 0ns);
}

TEST(LogHistogram, one_sample_is_all_of_its_quantiles) {
    analysis::LogHistogram h;
    h.record(60'420'123'456ns);
    for (const double q : {0.0, 0.5, 0.999, 1.0}) EXPECT_EQ(h.quantile(q), 60'420'123'456ns);
}

TEST(LogHistogram, sums_beyond_64_bits) {
    analysis::LogHistogram h;
    for (int i = 0; i < 3; ++i) h.record(Nanoseconds::max());
    EXPECT_EQ(h.mean(), Nanoseconds::max());
    analysis::LogHistogram more;
    more.merge(h);
    more.merge(h);
    EXPECT_EQ(more.mean(), Nanoseconds::max());
    EXPECT_EQ(more.count(), 6u);
}

TEST(LogHistogram, merged_has_what_both_have) {
    analysis::LogHistogram all;
    analysis::LogHistogram one;
    analysis::LogHistogram other;
    Nanoseconds value = 1ns;
    for (int i = 0; i < 40; ++i, value = value * 2 + 1ns) {
        all.record(value);
        (i % 3 == 0 ? one : other).record(value);
    }
    one.merge(analysis::LogHistogram());
    one.merge(other);
    EXPECT_EQ(one.count(), all.count());
    EXPECT_EQ(one.min(), all.min());
    EXPECT_EQ(one.max(), all.max());
    EXPECT_EQ(one.mean(), all.mean());
    for (const double q : {0.0, 0.1, 0.5, 0.9}) EXPECT_EQ(one.quantile(q), all.quantile(q)) << q;
    const std::vector<report::DurationBucket> merged = one.buckets();
    const std::vector<report::DurationBucket> recorded = all.buckets();
    ASSERT_EQ(merged.size(), recorded.size());
    for (std::size_t i = 0; i < merged.size(); ++i) {
        EXPECT_EQ(merged[i].low, recorded[i].low);
        EXPECT_EQ(merged[i].count, recorded[i].count);
    }
}

TEST(LogHistogram, is_empty_after_clear) {
    analysis::LogHistogram h;
    h.record(1s);
    h.clear();
    EXPECT_EQ(h.count(), 0u);
    EXPECT_EQ(h.max(), 0ns);
    EXPECT_TRUE(h.buckets().empty());
    h.record(2s);
    EXPECT_EQ(h.min(), 2s);
}

/// Up to 63 ns one each, above that 64 for each power of two.
TEST(LogHistogram, a_quantile_is_the_middle_of_its_bucket) {
    analysis::LogHistogram h;
    for (const Nanoseconds each : {10'000ns, 20'000ns, 30'000ns}) h.record(each);
    EXPECT_EQ(h.quantile(0.5), 20'096ns);
    EXPECT_EQ(h.quantile(0.0), 10'048ns);
    const std::vector<report::DurationBucket> buckets = h.buckets();
    ASSERT_EQ(buckets.size(), 3U);
    EXPECT_EQ(buckets[1].low, 19'968ns);
    EXPECT_EQ(buckets[1].high, 20'224ns);
    EXPECT_EQ(buckets[1].count, 1U);
    analysis::LogHistogram small;
    for (const Nanoseconds each : {5ns, 6ns, 6ns, 7ns, 63ns, 64ns}) small.record(each);
    EXPECT_EQ(small.quantile(0.5), 6ns);
    ASSERT_EQ(small.buckets().size(), 5U);
    EXPECT_EQ(small.buckets()[1].low, 6ns);
    EXPECT_EQ(small.buckets()[1].high, 7ns);
    EXPECT_EQ(small.buckets()[1].count, 2U);
    EXPECT_EQ(small.buckets()[3].low, 63ns);
    EXPECT_EQ(small.buckets()[4].low, 64ns);
    EXPECT_EQ(small.buckets()[4].high, 65ns);
}

TEST(LogHistogram, summary_is_what_the_histogram_says) {
    analysis::LogHistogram h;
    for (int i = 1; i <= 1000; ++i) h.record(i * 1ms);
    const report::Distribution d = summarise(h, "connect", "SYN to ESTABLISHED");
    EXPECT_EQ(d.id, "connect");
    EXPECT_EQ(d.title, "SYN to ESTABLISHED");
    EXPECT_EQ(d.count, 1000u);
    EXPECT_EQ(d.min, 1ms);
    EXPECT_EQ(d.max, 1s);
    EXPECT_EQ(d.mean, 500'500us);
    EXPECT_EQ(d.p50, h.quantile(0.5));
    EXPECT_EQ(d.p90, h.quantile(0.9));
    EXPECT_EQ(d.p99, h.quantile(0.99));
    EXPECT_EQ(d.p999, h.quantile(0.999));
    EXPECT_LT(d.p50, d.p90);
    EXPECT_LT(d.p99, d.p999);
    EXPECT_EQ(d.buckets.size(), h.buckets().size());
    EXPECT_FALSE(d.open || d.oldest || d.nominal);
}

} // namespace
} // namespace tcpdwell::test

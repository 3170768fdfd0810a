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

// SPDX-License-Identifier: Apache-2.0
// The log-linear histogram against all its samples, sorted: what is said to be exact is, and the
// rest is as near as is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

#include "analysis/histogram.h"
#include "random_run.h"

namespace tcpdwell::test {
namespace {

__extension__ using Wide = __int128;
using Samples = std::vector<std::int64_t>;
using Random = std::mt19937_64;

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

struct Source {
    std::string_view name;
    std::int64_t (*draw)(Random& random);
};

std::int64_t uniform(Random& random, std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution(low, high)(random);
}

constexpr Source kSources[] = {
    {"uniform", [](Random& r) { return uniform(r, 0, 5'000'000); }},
    {"all of them", [](Random& r) { return uniform(r, 0, kMost); }},
    {"log-uniform",
     [](Random& r) {
         return static_cast<std::int64_t>(std::exp2(std::uniform_real_distribution(0.0, 62.0)(r)));
     }},
    {"exponential",
     [](Random& r) { return static_cast<std::int64_t>(std::exponential_distribution(1e-6)(r)); }},
    {"constant", [](Random&) { return std::int64_t{60'420'000'000}; }},
    {"two clusters near 60 s",
     [](Random& r) {
         const std::int64_t middle = r() % 4 == 0 ? 61'900'000'000 : 60'100'000'000;
         return middle + uniform(r, -90'000'000, 90'000'000);
     }},
    {"zero", [](Random&) { return std::int64_t{0}; }},
    {"the largest", [](Random&) { return kMost; }},
    {"powers of two and their neighbours",
     [](Random& r) {
         const auto power = static_cast<std::int64_t>(std::uint64_t{1} << (r() % 63));
         return std::max<std::int64_t>(power + uniform(r, -1, power == kMost ? 0 : 1), 0);
     }},
    {"a few far apart", [](Random& r) { return std::int64_t{1} << (r() % 3 * 20 + 5); }},
};

Samples draw(const Source& source, Random& random) {
    // From one to some thousands, small numbers as often as large ones.
    const auto count =
        static_cast<std::size_t>(std::exp2(std::uniform_real_distribution(0.0, 12.0)(random)));
    Samples samples(count);
    for (std::int64_t& sample : samples) sample = source.draw(random);
    return samples;
}

analysis::LogHistogram histogram_of(const Samples& samples) {
    analysis::LogHistogram histogram;
    for (const std::int64_t sample : samples) histogram.record(Nanoseconds(sample));
    return histogram;
}

/// A fraction in thousandths, so that the rank is exact.
constexpr std::int64_t kThousandths[] = {0, 1, 500, 900, 990, 999, 1000};

/// The smallest sample of which so many thousandths are at or below it.
std::int64_t nearest_rank(const Samples& sorted, std::int64_t thousandths) {
    const auto count = static_cast<std::int64_t>(sorted.size());
    const std::int64_t rank = std::max<std::int64_t>((thousandths * count + 999) / 1000, 1);
    return sorted[static_cast<std::size_t>(rank - 1)];
}

void check_buckets(const analysis::LogHistogram& histogram, const Samples& sorted) {
    Nanoseconds end{0};
    std::uint64_t counted = 0;
    for (const report::DurationBucket& bucket : histogram.buckets()) {
        const std::int64_t low = bucket.low.count();
        const std::int64_t high = bucket.high.count();
        ASSERT_GE(bucket.low, end) << "neither ascending nor disjoint";
        ASSERT_LT(low, high);
        end = bucket.high;
        // The largest number has no successor to be below.
        const auto first = std::lower_bound(sorted.begin(), sorted.end(), low);
        const auto last =
            high == kMost ? sorted.end() : std::lower_bound(sorted.begin(), sorted.end(), high);
        ASSERT_EQ(bucket.count, static_cast<std::uint64_t>(last - first))
            << "in [" << low << ", " << high << ")";
        ASSERT_GT(bucket.count, 0u);
        if (high - low > 1) {
            ASSERT_LE(static_cast<double>(high - low),
                      2 * analysis::LogHistogram::kRelativeError * static_cast<double>(low));
        }
        counted += bucket.count;
    }
    ASSERT_EQ(counted, sorted.size());
}

void check(const analysis::LogHistogram& histogram, Samples samples) {
    std::sort(samples.begin(), samples.end());
    ASSERT_EQ(histogram.count(), samples.size());
    ASSERT_EQ(histogram.min().count(), samples.front());
    ASSERT_EQ(histogram.max().count(), samples.back());
    Wide sum = 0;
    for (const std::int64_t sample : samples) sum += sample;
    ASSERT_EQ(histogram.mean().count(),
              static_cast<std::int64_t>(sum / static_cast<Wide>(samples.size())));
    for (const std::int64_t q : kThousandths) {
        const std::int64_t exact = nearest_rank(samples, q);
        const std::int64_t reported = histogram.quantile(static_cast<double>(q) / 1000).count();
        const double error = std::fabs(static_cast<double>(reported - exact));
        ASSERT_LE(error, analysis::LogHistogram::kRelativeError * static_cast<double>(exact))
            << "quantile " << q << "/1000 is " << exact << ", reported as " << reported;
    }
    check_buckets(histogram, samples);
}

TEST(HistogramProperty, keeps_its_promises_for_any_samples) {
    for (const std::uint64_t seed : seeds(60)) {
        Random random(seed);
        for (const Source& source : kSources) {
            SCOPED_TRACE(std::string(source.name) + ", " + how_to_repeat(seed));
            const Samples samples = draw(source, random);
            check(histogram_of(samples), samples);
            if (testing::Test::HasFatalFailure()) return;
        }
    }
}

TEST(HistogramProperty, merging_is_counting_everything) {
    for (const std::uint64_t seed : seeds(200)) {
        SCOPED_TRACE(how_to_repeat(seed));
        Random random(seed);
        const Samples a = draw(kSources[random() % std::size(kSources)], random);
        const Samples b = draw(kSources[random() % std::size(kSources)], random);
        Samples both = a;
        both.insert(both.end(), b.begin(), b.end());
        analysis::LogHistogram merged = histogram_of(a);
        merged.merge(histogram_of(b));
        check(merged, both);
        if (testing::Test::HasFatalFailure()) return;
        analysis::LogHistogram into_nothing;
        into_nothing.merge(merged);
        merged.merge(analysis::LogHistogram());
        check(into_nothing, both);
        check(merged, both);
        if (testing::Test::HasFatalFailure()) return;
    }
}

} // namespace
} // namespace tcpdwell::test

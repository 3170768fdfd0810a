// SPDX-License-Identifier: Apache-2.0
// Metrics as text: what the two formats have in common, and where they differ.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "render/metrics_text.h"

namespace tcpdwell::test {
namespace {

using report::MetricFamily;
using report::MetricType;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr std::array kBounds{0.01, 1.0, 60.0};

std::vector<MetricFamily> sample_metrics() {
    MetricFamily total{"x_bytes_total", "Bytes.", MetricType::counter};
    total.samples.push_back({{{"service", "a\"b\\c\nd le=\"5\""}}, 7});
    MetricFamily seconds{"x_seconds", "Seconds.", MetricType::histogram, kBounds};
    seconds.samples.push_back({{{"state", "close"}}, 0, {{1, 0, 2, 4}, 250.5}});
    MetricFamily now{"x_now", "Now.", MetricType::gauge};
    now.samples.push_back({{}, 0.5});
    return {total, seconds, now};
}

TEST(MetricsText, prometheus_has_names_as_they_are) {
    const std::string text = render::prometheus_text(sample_metrics());
    EXPECT_THAT(text, HasSubstr("# HELP x_bytes_total Bytes.\n# TYPE x_bytes_total counter\n"));
    EXPECT_THAT(text, HasSubstr(R"(x_bytes_total{service="a\"b\\c\nd le=\"5\""} 7)"));
    EXPECT_THAT(text, HasSubstr("x_now 0.5\n"));
    EXPECT_THAT(text, Not(HasSubstr("EOF")));
}

TEST(MetricsText, buckets_are_cumulative_and_end_at_infinity) {
    const std::string text = render::prometheus_text(sample_metrics());
    EXPECT_THAT(text, HasSubstr("x_seconds_bucket{state=\"close\",le=\"0.01\"} 1\n"
                                "x_seconds_bucket{state=\"close\",le=\"1\"} 1\n"
                                "x_seconds_bucket{state=\"close\",le=\"60\"} 3\n"
                                "x_seconds_bucket{state=\"close\",le=\"+Inf\"} 7\n"));
    EXPECT_THAT(text, HasSubstr("x_seconds_count{state=\"close\"} 7\n"));
    EXPECT_THAT(text, HasSubstr("x_seconds_sum{state=\"close\"} 250.5\n"));
}

TEST(MetricsText, openmetrics_has_families_without_total_and_an_end) {
    const std::string text = render::openmetrics_text(sample_metrics());
    EXPECT_THAT(text, HasSubstr("# HELP x_bytes Bytes.\n# TYPE x_bytes counter\n"));
    EXPECT_THAT(text, HasSubstr(R"(x_bytes_total{service="a\"b\\c\nd le=\"5\""} 7)"));
    EXPECT_THAT(text, HasSubstr("le=\"0.01\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("le=\"1.0\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("le=\"60.0\"} 3\n"));
    EXPECT_THAT(text, EndsWith("\n# EOF\n"));
}

TEST(MetricsText, openmetrics_of_nothing_is_its_end) {
    EXPECT_EQ(render::openmetrics_text({}), "# EOF\n");
    EXPECT_EQ(render::prometheus_text({}), "");
}

} // namespace
} // namespace tcpdwell::test

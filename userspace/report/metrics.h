// SPDX-License-Identifier: Apache-2.0
// Metrics as monitoring systems read them: families of samples, each with labels. The names are
// those of the interface, counters with their _total.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tcpdwell::report {

struct MetricLabel {
    std::string_view name;
    std::string value; ///< any text in UTF-8: outputs escape it
};

/// How many samples lay in each bucket, and above the last bound.
struct MetricHistogram {
    std::vector<std::uint64_t> counts; ///< one more than bounds, not cumulative
    double sum = 0;                    ///< in the unit of the family
};

struct MetricSample {
    std::vector<MetricLabel> labels;
    double value = 0;
    MetricHistogram histogram{}; ///< of a family of histograms, which has no value
};

enum class MetricType : std::uint8_t { counter, gauge, histogram };

struct MetricFamily {
    std::string_view name;
    std::string_view help; ///< one line without quotes or backslashes
    MetricType type;
    std::span<const double> bounds{}; ///< of histograms: upper ones, included, ascending
    std::vector<MetricSample> samples{};
};

} // namespace tcpdwell::report

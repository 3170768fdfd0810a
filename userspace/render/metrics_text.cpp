// SPDX-License-Identifier: Apache-2.0
#include "render/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cctype>
#include <numeric>
#include <string_view>
#include <vector>

namespace tcpdwell::render {
namespace {

prometheus::ClientMetric::Histogram histogram_of(const report::MetricFamily& family,
                                                 const report::MetricSample& sample) {
    prometheus::ClientMetric::Histogram histogram;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < family.bounds.size(); ++i) {
        below += sample.histogram.counts[i];
        histogram.bucket.push_back({below, family.bounds[i]});
    }
    histogram.sample_count = below + sample.histogram.counts[family.bounds.size()];
    histogram.sample_sum = sample.histogram.sum;
    return histogram;
}

prometheus::MetricFamily family_of(const report::MetricFamily& family) {
    prometheus::MetricFamily out;
    out.name = family.name;
    out.help = family.help;
    switch (family.type) {
    case report::MetricType::counter: out.type = prometheus::MetricType::Counter; break;
    case report::MetricType::gauge: out.type = prometheus::MetricType::Gauge; break;
    case report::MetricType::histogram: out.type = prometheus::MetricType::Histogram; break;
    }
    for (const report::MetricSample& sample : family.samples) {
        prometheus::ClientMetric& metric = out.metric.emplace_back();
        for (const auto& [name, value] : sample.labels)
            metric.label.push_back({std::string(name), value});
        metric.counter.value = metric.gauge.value = sample.value;
        if (family.type == report::MetricType::histogram)
            metric.histogram = histogram_of(family, sample);
    }
    return out;
}

/// In OpenMetrics a family of counters is called without the _total of its samples.
void shorten_name(std::string& text, std::string_view name) {
    constexpr std::string_view kTotal = "_total";
    for (const std::string_view line : {"# HELP ", "# TYPE "}) {
        const std::size_t at = text.find(std::string(line) + std::string(name) + ' ');
        if (at == std::string::npos) continue;
        text.erase(at + line.size() + name.size() - kTotal.size(), kTotal.size());
    }
}

/// In OpenMetrics a whole number in `le` has a decimal point. No other label can look like it: the
/// quotes in values are escaped.
void point_bounds(std::string& text) {
    constexpr std::string_view kBound = "le=\"";
    for (std::size_t at = text.find(kBound); at != std::string::npos; at = text.find(kBound, at)) {
        at += kBound.size();
        std::size_t end = at;
        while (std::isdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
        if (end != at && text[end] == '"') text.insert(end, ".0");
    }
}

} // namespace

std::string prometheus_text(std::span<const report::MetricFamily> families) {
    std::vector<prometheus::MetricFamily> all;
    for (const report::MetricFamily& family : families) all.push_back(family_of(family));
    return prometheus::TextSerializer().Serialize(all);
}

std::string openmetrics_text(std::span<const report::MetricFamily> families) {
    std::string text;
    for (const report::MetricFamily& family : families) {
        std::string part = prometheus::TextSerializer().Serialize({family_of(family)});
        if (family.type == report::MetricType::counter) shorten_name(part, family.name);
        if (family.type == report::MetricType::histogram) point_bounds(part);
        text += part;
    }
    return text + "# EOF\n";
}

} // namespace tcpdwell::render

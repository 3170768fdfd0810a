// SPDX-License-Identifier: Apache-2.0
#include "cli/metric_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <string>

#include "analysis/metrics.h"

namespace tcpdwell::cli {
namespace {

constexpr std::string_view kPrefix = "tcpdwell_";

std::string_view word_of(report::MetricType type) {
    switch (type) {
    case report::MetricType::counter: return "counter";
    case report::MetricType::gauge: return "gauge";
    case report::MetricType::histogram: return "histogram";
    }
    return {};
}

std::string kind_of(const analysis::MetricDescription& metric) {
    std::string text = fmt::format("A {}", word_of(metric.type));
    for (const std::string_view label : metric.labels)
        if (!label.empty())
            text += fmt::format("{}{}", label == metric.labels[0] ? ", by " : ", ", label);
    return text + ".";
}

std::string_view without_series(std::string_view word) {
    for (const std::string_view suffix : {"_bucket", "_count", "_sum"})
        if (word.ends_with(suffix)) return word.substr(0, word.size() - suffix.size());
    return word;
}

} // namespace

const std::vector<explain::Explanation>& metric_explanations() {
    static std::deque<std::string> kinds;
    static const std::vector<explain::Explanation> all = [] {
        std::vector<explain::Explanation> list;
        for (const analysis::MetricDescription& metric : analysis::metric_descriptions())
            list.push_back({metric.name,
                            explain::Topic::metric,
                            metric.help,
                            kinds.emplace_back(kind_of(metric)),
                            {},
                            "/metrics of tcpdwell serve, report --format openmetrics"});
        return list;
    }();
    return all;
}

const explain::Explanation* explain_metric(std::string_view word) {
    const auto find = [](std::string_view name) -> const explain::Explanation* {
        for (const explain::Explanation& each : metric_explanations())
            if (each.word == name || each.word.substr(kPrefix.size()) == name) return &each;
        return nullptr;
    };
    const explain::Explanation* const whole = find(word);
    return whole != nullptr ? whole : find(without_series(word));
}

} // namespace tcpdwell::cli

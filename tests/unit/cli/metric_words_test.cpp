// SPDX-License-Identifier: Apache-2.0
// The metrics are explained as they are served, and the README's table has the same ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "analysis/metrics.h"
#include "cli/metric_words.h"

namespace tcpdwell::test {
namespace {

TEST(MetricWords, are_those_of_the_families_that_are_served) {
    analysis::Metrics metrics({});
    const auto families = metrics.families(MonoTime{}, 0);
    const auto& words = cli::metric_explanations();
    ASSERT_EQ(families.size(), words.size());
    std::set<std::string_view> names;
    for (const report::MetricFamily& family : families) {
        names.insert(family.name);
        const auto* const found = cli::explain_metric(family.name);
        ASSERT_NE(found, nullptr) << family.name;
        EXPECT_EQ(found->summary, family.help);
        EXPECT_EQ(cli::explain_metric(family.name.substr(9)), found);
    }
    EXPECT_EQ(names.size(), words.size());
}

TEST(MetricWords, labels_are_those_of_the_samples) {
    analysis::Metrics metrics({});
    track::ConnectionIdentity who;
    metrics.on_move({MonoTime{}, &who, std::nullopt, tcp::State::CLOSE_WAIT, true});
    track::ConnectionLine line{};
    line.who = &who;
    line.accept = track::Accept{Nanoseconds(1), true};
    metrics.on_connection(line);
    std::size_t compared = 0;
    for (const report::MetricFamily& family : metrics.families(MonoTime{}, 0)) {
        const auto all = analysis::metric_descriptions();
        const auto description =
            std::ranges::find(all, family.name, &analysis::MetricDescription::name);
        ASSERT_NE(description, all.end()) << family.name;
        for (const report::MetricSample& sample : family.samples) {
            std::set<std::string_view> labels;
            for (const report::MetricLabel& label : sample.labels) labels.insert(label.name);
            std::set<std::string_view> expected(description->labels.begin(),
                                                description->labels.end());
            expected.erase("");
            EXPECT_EQ(labels, expected) << family.name;
            ++compared;
        }
    }
    EXPECT_GT(compared, 60U);
}

TEST(MetricWords, series_of_histograms_mean_the_histogram) {
    const auto* const found = cli::explain_metric("tcpdwell_handshake_seconds_bucket");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->word, "tcpdwell_handshake_seconds");
    EXPECT_EQ(found->text, "A histogram, by role.");
    EXPECT_EQ(cli::explain_metric("tcpdwell_nothing"), nullptr);
    EXPECT_EQ(cli::explain_metric("tcpdwell_"), nullptr);
    EXPECT_EQ(cli::explain_metric(""), nullptr);
}

/// What stands between backticks.
std::vector<std::string> quoted_words(const std::string& text) {
    std::vector<std::string> words;
    std::stringstream pieces(text);
    bool is_quoted = false;
    for (std::string piece; std::getline(pieces, piece, '`'); is_quoted = !is_quoted)
        if (is_quoted) words.push_back(piece);
    return words;
}

/// Name (without tcpdwell_), and "type|labels", of each row of the README's table of metrics.
std::map<std::string, std::string> rows_of_readme() {
    std::ifstream file(TCPDWELL_README);
    std::map<std::string, std::string> rows;
    bool is_table = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| metric (`tcpdwell_...`) |")) {
            is_table = true;
            continue;
        }
        is_table = is_table && line.starts_with("|");
        if (!is_table) continue;
        std::stringstream cells(line);
        std::string names;
        std::string type;
        std::string labels;
        std::getline(cells, names, '|'); // before the first
        std::getline(cells, names, '|');
        std::getline(cells, type, '|');
        std::getline(cells, labels, '|');
        // Several names have their labels in the same order, divided by ';', or all the same.
        std::stringstream of_each(labels);
        const bool differ = labels.find(';') != std::string::npos;
        for (const std::string& name : quoted_words(names)) {
            if (differ) std::getline(of_each, labels, ';');
            std::string text;
            for (const std::string& label : quoted_words(labels)) text += "|" + label;
            rows[name] = type.substr(1, type.size() - 2) + text;
        }
    }
    return rows;
}

TEST(MetricWords, are_the_rows_of_the_readme) {
    std::map<std::string, std::string> expected;
    for (const analysis::MetricDescription& metric : analysis::metric_descriptions()) {
        std::string& row = expected[std::string(metric.name.substr(9))];
        row = metric.type == report::MetricType::counter ? "counter"
              : metric.type == report::MetricType::gauge ? "gauge"
                                                         : "histogram";
        for (const std::string_view label : metric.labels)
            if (!label.empty()) row += "|" + std::string(label);
    }
    EXPECT_EQ(rows_of_readme(), expected);
}

} // namespace
} // namespace tcpdwell::test

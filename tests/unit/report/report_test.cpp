// SPDX-License-Identifier: Apache-2.0
// The report model keeps what its cells refer to, also when it is moved.
#include "report/report.h"

#include <gtest/gtest.h>

#include <memory>

namespace tcpdwell {
namespace {

TEST(Report, finds_its_sections) {
    Report report;
    report.sections.push_back({"meta", "", "", Facts{}});
    report.sections.push_back({"states", "States", "", Distributions{}});
    ASSERT_TRUE(report.find("states"));
    EXPECT_EQ(report.find("states")->title, "States");
    EXPECT_EQ(report.find("state"), nullptr);
    EXPECT_EQ(Report().find("meta"), nullptr);
}

TEST(Report, what_it_keeps_stays_where_it_is) {
    auto report = std::make_unique<Report>();
    std::vector<std::string_view> texts;
    std::vector<std::span<const NumberPart>> numbers;
    for (int i = 0; i < 1000; ++i) { // short ones, which a moved std::string takes with it
        texts.push_back(report->keep(std::to_string(i)));
        numbers.push_back(report->keep(std::vector<NumberPart>{{texts.back(), std::int64_t{i}}}));
    }
    const auto parts = report->keep(std::vector<TextPart>{{"name", "text"}});
    const Report moved = std::move(*report);
    report.reset();
    for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_EQ(texts[i], std::to_string(i));
        EXPECT_EQ(numbers[i][0].name, texts[i]);
        EXPECT_EQ(std::get<std::int64_t>(numbers[i][0].number), static_cast<std::int64_t>(i));
    }
    EXPECT_EQ(parts[0].text, "text");
}

TEST(Severity, words_in_rising_order) {
    EXPECT_EQ(name(Severity::info), "info");
    EXPECT_EQ(name(Severity::warning), "warning");
    EXPECT_EQ(name(Severity::critical), "critical");
    EXPECT_LT(Severity::info, Severity::warning);
    EXPECT_LT(Severity::warning, Severity::critical);
}

} // namespace
} // namespace tcpdwell

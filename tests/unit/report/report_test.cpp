// SPDX-License-Identifier: Apache-2.0
// The report model keeps what its cells refer to, also when it is moved.
#include "report/report.h"

#include <gtest/gtest.h>

#include <memory>

namespace tcpdwell::test {
namespace {

TEST(Report, finds_its_sections) {
    report::Report report;
    report.sections.push_back({"meta", "", "", report::Facts{}});
    report.sections.push_back({"states", "States", "", report::Distributions{}});
    ASSERT_TRUE(report.find("states"));
    EXPECT_EQ(report.find("states")->title, "States");
    EXPECT_EQ(report.find("state"), nullptr);
    EXPECT_EQ(report::Report().find("meta"), nullptr);
}

TEST(Report, is_read_by_places_and_within_one_in_its_own_order) {
    report::Report report;
    for (const auto& [id, place] : {std::pair("run", report::SectionPlace::background),
                                    std::pair("new", report::SectionPlace::other),
                                    std::pair("edges", report::SectionPlace::states),
                                    std::pair("dwell", report::SectionPlace::durations),
                                    std::pair("latencies", report::SectionPlace::durations),
                                    std::pair("who", report::SectionPlace::who),
                                    std::pair("findings", report::SectionPlace::findings)})
        report.sections.push_back({id, "", "", report::Facts{}, place});
    std::vector<std::string_view> order;
    for (const report::Section* section : report.in_reading_order()) order.push_back(section->id);
    EXPECT_EQ(order, (std::vector<std::string_view>{"findings", "who", "dwell", "latencies",
                                                    "edges", "new", "run"}));
}

TEST(Table, whole_view_has_every_column) {
    constexpr report::Column columns[] = {
        {.id = "a", .title = "A", .help = "All."},
        {.id = "b", .title = "B", .help = "Bits.", .width = 3, .align = report::Align::right}};
    constexpr report::TableView view[] = {{"a.part", "PART", "A part.", 4}};
    const auto whole = report::Table{columns, view, {}}.whole_view();
    ASSERT_EQ(whole.size(), 2u);
    EXPECT_EQ(whole[0].path, "a.part"); // which shows something of a
    EXPECT_FALSE(whole[0].is_minor);
    EXPECT_EQ(whole[1].path, "b");
    EXPECT_EQ(whole[1].title, "B");
    EXPECT_EQ(whole[1].help, "Bits.");
    EXPECT_EQ(whole[1].align, report::Align::right);
    EXPECT_TRUE(whole[1].is_minor);
    const auto plain = report::Table{columns, {}, {}}.whole_view();
    ASSERT_EQ(plain.size(), 2u);
    EXPECT_FALSE(plain[0].is_minor);
    EXPECT_EQ(report::Table({columns, {}, {}}).column_of("c"), nullptr);
}

TEST(Report, what_it_keeps_stays_where_it_is) {
    auto report = std::make_unique<report::Report>();
    std::vector<std::string_view> texts;
    std::vector<std::span<const report::NumberPart>> numbers;
    for (int i = 0; i < 1000; ++i) { // short ones, which a moved std::string takes with it
        texts.push_back(report->keep(std::to_string(i)));
        numbers.push_back(
            report->keep(std::vector<report::NumberPart>{{texts.back(), std::int64_t{i}}}));
    }
    const auto parts = report->keep(std::vector<report::TextPart>{{"name", "text"}});
    const report::Report moved = std::move(*report);
    report.reset();
    for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_EQ(texts[i], std::to_string(i));
        EXPECT_EQ(numbers[i][0].name, texts[i]);
        EXPECT_EQ(std::get<std::int64_t>(numbers[i][0].number), static_cast<std::int64_t>(i));
    }
    EXPECT_EQ(parts[0].text, "text");
}

TEST(Severity, words_in_rising_order) {
    EXPECT_EQ(name(report::Severity::info), "info");
    EXPECT_EQ(name(report::Severity::warning), "warning");
    EXPECT_EQ(name(report::Severity::critical), "critical");
    EXPECT_LT(report::Severity::info, report::Severity::warning);
    EXPECT_LT(report::Severity::warning, report::Severity::critical);
}

} // namespace
} // namespace tcpdwell::test

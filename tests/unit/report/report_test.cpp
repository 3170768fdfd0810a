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

TEST(Report, is_read_by_places_and_within_one_in_its_own_order) {
    Report report;
    for (const auto& [id, place] :
         {std::pair("run", SectionPlace::background), std::pair("new", SectionPlace::other),
          std::pair("edges", SectionPlace::states), std::pair("dwell", SectionPlace::durations),
          std::pair("latencies", SectionPlace::durations), std::pair("who", SectionPlace::who),
          std::pair("findings", SectionPlace::findings)})
        report.sections.push_back({id, "", "", Facts{}, place});
    std::vector<std::string_view> order;
    for (const Section* section : report.in_reading_order()) order.push_back(section->id);
    EXPECT_EQ(order, (std::vector<std::string_view>{"findings", "who", "dwell", "latencies",
                                                    "edges", "new", "run"}));
}

TEST(Table, whole_view_has_every_column) {
    constexpr Column columns[] = {
        {.id = "a", .title = "A", .help = "All."},
        {.id = "b", .title = "B", .help = "Bits.", .width = 3, .align = Align::right}};
    constexpr TableView view[] = {{"a.part", "PART", "A part.", 4}};
    const auto whole = Table{columns, view, {}}.whole_view();
    ASSERT_EQ(whole.size(), 2u);
    EXPECT_EQ(whole[0].path, "a.part"); // which shows something of a
    EXPECT_FALSE(whole[0].is_minor);
    EXPECT_EQ(whole[1].path, "b");
    EXPECT_EQ(whole[1].title, "B");
    EXPECT_EQ(whole[1].help, "Bits.");
    EXPECT_EQ(whole[1].align, Align::right);
    EXPECT_TRUE(whole[1].is_minor);
    const auto plain = Table{columns, {}, {}}.whole_view();
    ASSERT_EQ(plain.size(), 2u);
    EXPECT_FALSE(plain[0].is_minor);
    EXPECT_EQ(Table({columns, {}, {}}).column_of("c"), nullptr);
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

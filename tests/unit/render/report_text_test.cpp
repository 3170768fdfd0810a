// SPDX-License-Identifier: Apache-2.0
// Reports for people: lines that fit, nothing that a terminal would act on, and what is said where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "render/report_formats.h"
#include "sample_report.h"

namespace tcpdwell::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// Characters that are seen: escape sequences and bytes that continue a code point aren't.
std::size_t columns(const std::string& line) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\x1b') {
            i = line.find('m', i);
            continue;
        }
        if ((static_cast<unsigned char>(line[i]) & 0xc0) != 0x80) ++count;
    }
    return count;
}

void expect_tidy(const std::string& text, std::size_t width) {
    for (const std::string& line : lines_of(text)) {
        EXPECT_LE(columns(line), width) << line;
        EXPECT_FALSE(line.ends_with(' ')) << '"' << line << '"';
    }
    EXPECT_TRUE(text.ends_with("\n"));
    EXPECT_EQ(text.find("\n\n\n"), std::string::npos);
}

/// Everything that can be long: durations of hours, and millions of connections.
report::Report long_run() {
    report::Report report = sample_report();
    for (report::Section& section : report.sections) {
        auto* all = std::get_if<report::Distributions>(&section.body);
        if (!all) continue;
        for (report::DistributionGroup& group : all->groups)
            for (report::Distribution& d : group.members) {
                const auto title = d.title;
                const auto open = d.open;
                d = distribution(d.id, {{59min + 59s, 1'234'567}, {23h + 59min, 7'654'321}});
                d.title = title;
                d.open = open ? std::optional<std::uint64_t>(1'234'567) : std::nullopt;
                if (open) d.oldest = 100h * 24 + 1h;
            }
    }
    return report;
}

TEST(ReportText, no_line_is_longer_than_the_width_or_ends_in_spaces) {
    for (const std::size_t width : {80u, 100u, 132u})
        for (const bool colour : {false, true})
            for (const bool unicode : {false, true}) {
                SCOPED_TRACE(width);
                const render::TextStyle style{.width = width, .colour = colour, .unicode = unicode};
                expect_tidy(report_text(sample_report(), style), width);
                expect_tidy(report_text(long_run(), style), width);
            }
}

TEST(ReportText, a_width_below_80_is_80) {
    EXPECT_EQ(render::report_text(sample_report(), {.width = 10}),
              render::report_text(sample_report(), {.width = 80}));
}

TEST(ReportText, a_wider_line_is_used) {
    const auto longest = [](std::size_t width) {
        std::size_t most = 0;
        for (const std::string& line :
             lines_of(render::report_text(sample_report(), {.width = width})))
            most = std::max(most, columns(line));
        return most;
    };
    EXPECT_GT(longest(132), longest(80));
}

TEST(ReportText, columns_that_do_not_fit_are_left_out_of_a_narrow_line_only) {
    EXPECT_THAT(render::report_text(sample_report(), {.width = 80}),
                ContainsRegex("COUNT +MIN +MEAN +P50 +P90 +P99 +P99.9 +MAX"));
    EXPECT_THAT(render::report_text(long_run(), {.width = 80}),
                ContainsRegex("COUNT +MIN +P50 +P99 +P99.9 +MAX +NOW"));
    EXPECT_THAT(render::report_text(long_run(), {.width = 132}),
                ContainsRegex("COUNT +MIN +MEAN +P50 +P90 +P99 +P99.9 +MAX +NOW"));
}

TEST(ReportText, without_colour_there_is_no_escape_and_without_unicode_only_ascii) {
    const std::string plain = render::report_text(sample_report(), {});
    EXPECT_EQ(plain.find('\x1b'), std::string::npos);
    EXPECT_TRUE(std::all_of(plain.begin(), plain.end(),
                            [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    EXPECT_NE(render::report_text(sample_report(), {.colour = true}).find('\x1b'),
              std::string::npos);
    EXPECT_NE(render::report_text(sample_report(), {.unicode = true}).find("█"), std::string::npos);
}

TEST(ReportText, colours_change_nothing_but_the_colour) {
    std::string coloured = render::report_text(sample_report(), {.colour = true});
    for (auto begin = coloured.find('\x1b'); begin != std::string::npos;
         begin = coloured.find('\x1b', begin))
        coloured.erase(begin, coloured.find('m', begin) - begin + 1);
    EXPECT_EQ(coloured, render::report_text(sample_report(), {}));
}

TEST(ReportText, hostile_names_do_no_harm) {
    for (const bool unicode : {false, true}) {
        const std::string text = render::report_text(sample_report(kHostile), {.unicode = unicode});
        EXPECT_EQ(text.find('\x1b'), std::string::npos);
        EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos); // U+202E
        EXPECT_EQ(text.find('\x9b'), std::string::npos);
        EXPECT_EQ(text.find('\xff'), std::string::npos);
        EXPECT_THAT(text, HasSubstr("a\\x1b[31m\\x0ab\\xe2\\x80\\xae\\xc2\\x9b\\xff"));
        // The finding, its evidence and advice, the group and two rows of the table: all of them
        // still one line each.
        EXPECT_EQ(lines_of(render::report_text(sample_report("x"), {.unicode = unicode})).size() +
                      1,
                  lines_of(text).size())
            << "but for the evidence, which is broken once more";
    }
    const std::string coloured = render::report_text(sample_report(kHostile), {.colour = true});
    EXPECT_EQ(coloured.find("\x1b[31m\n"), std::string::npos);
}

TEST(ReportText, what_is_wrong_comes_first_then_who_then_the_details) {
    const std::string text = render::report_text(sample_report(), {});
    std::size_t last = 0;
    for (const char* heading :
         {"tcpdwell report", "\nFindings\n", "\nWho closes first\n", "\nDwell time by state\n",
          "\nDwell time by part\n", "\nLatencies\n", "\nTransitions\n", "\nStates over time\n"}) {
        const std::size_t at = text.find(heading);
        ASSERT_NE(at, std::string::npos) << heading;
        EXPECT_GE(at, last) << heading;
        last = at;
    }
}

TEST(ReportText, head_says_what_when_and_how_well) {
    const std::string text = render::report_text(sample_report(), {});
    EXPECT_THAT(text, HasSubstr("tcpdwell report: live, server, Linux 6.18\n"));
    EXPECT_THAT(text, HasSubstr("1 network namespace\n"));
    EXPECT_THAT(text, HasSubstr("5 connections: 4 ended, 1 still open; no event lost\n"));
    report::Report other = sample_report();
    std::get<report::Facts>(other.sections[0].body).lines.back().value =
        std::string_view("--port 80");
    auto& quality = std::get<report::Facts>(other.sections[1].body).lines;
    quality[0].value = std::int64_t{9};
    quality[1].value = std::int64_t{4};
    quality[5].value = std::int64_t{2};
    quality[6].value = std::int64_t{3};
    EXPECT_THAT(render::report_text(other, {}), HasSubstr("filter --port 80"));
    quality.push_back({"time_wait", "", std::int64_t{1}});
    EXPECT_THAT(render::report_text(other, {}),
                HasSubstr("5 connections: 4 ended, 0 still open, 1 in TIME_WAIT;"));
    quality.pop_back();
    std::get<report::Facts>(other.sections[1].body)
        .lines.push_back({"evicted", "", std::int64_t{7}});
    EXPECT_THAT(render::report_text(other, {.width = 200}),
                HasSubstr("; 7 GIVEN UP FOR WANT OF ROOM (--max-connections); 9 EVENTS LOST"));
    quality.pop_back();
    EXPECT_THAT(
        render::report_text(other, {.width = 132}),
        HasSubstr("5 connections: 4 ended, 1 still open; 2 open before tracing began; 3 with "
                  "gaps; 9 EVENTS LOST; "
                  "4 HOLES IN THE RECORDING\n"));
}

TEST(ReportText, findings_have_their_evidence_and_advice) {
    const std::string text = render::report_text(sample_report(), {.width = 132});
    EXPECT_THAT(
        text,
        HasSubstr("[critical] close_wait_leak\n  nginx (pid 12) has 7 sockets in CLOSE_WAIT.\n"));
    EXPECT_THAT(
        text,
        HasSubstr(
            "Evidence: sockets so old 7, the oldest 75.00s, share 0.25, process nginx; connections "
            "0000000000000abc"));
    EXPECT_THAT(text, HasSubstr("  - Close it.\n  - Look at nginx.\n"));
    EXPECT_THAT(text, Not(HasSubstr("seconds left"))); // which isn't known
}

TEST(ReportText, says_so_if_nothing_was_found) {
    report::Report report = sample_report();
    std::get<report::Findings>(report.sections[2].body).list.clear();
    EXPECT_THAT(render::report_text(report, {}), HasSubstr("No problems found"));
}

TEST(ReportText, tables_say_how_much_is_left_out) {
    const std::string text = render::report_text(sample_report(), {.rows = 1});
    EXPECT_THAT(text, HasSubstr("(1 more;"));
    EXPECT_THAT(text, Not(HasSubstr("(connects)")));
    EXPECT_THAT(render::report_text(sample_report(), {.rows = 2}), Not(HasSubstr("more;")));
}

TEST(ReportText, sections_without_content_leave_no_heading) {
    report::Report report = sample_report();
    std::get<report::Table>(report.sections[7].body).rows.clear();
    std::get<report::Timeline>(report.sections[8].body).series.clear();
    std::get<report::StateDiagram>(report.sections[6].body).edges.clear();
    report.sections[4].body = report::Distributions{};
    const std::string text = render::report_text(report, {});
    for (const char* heading : {"Who closes first", "States over time", "Transitions", "by part"})
        EXPECT_THAT(text, Not(HasSubstr(heading)));
    EXPECT_THAT(render::report_text(report::Report(), {}), HasSubstr("tcpdwell report"));
}

TEST(ReportText, an_unexpected_transition_is_pointed_out) {
    EXPECT_THAT(render::report_text(sample_report(), {}),
                ContainsRegex("TIME_WAIT +ESTABLISHED +1 +5.000s +unexpected\n"
                              "Unexpected: events were lost"));
    report::Report report = sample_report();
    std::get<report::StateDiagram>(report.sections[6].body).edges.pop_back();
    EXPECT_THAT(render::report_text(report, {}), Not(HasSubstr("nexpected")));
}

TEST(ReportText, time_wait_is_measured_against_the_book) {
    EXPECT_THAT(render::report_text(sample_report(), {}),
                HasSubstr("TIME_WAIT  2MSL: median 61.50s, nominally 60.00s"));
}

TEST(ReportText, what_is_in_the_text_stands_in_its_order) {
    report::Report report;
    report.sections.push_back({"b", "Second", "With a \x1b[31mword.", report::Facts{}});
    report.sections.push_back(
        {"machines", "Third", "Not shown.", report::Facts{}, report::SectionPlace::other, false});
    report.sections.push_back({"", "First", "", report::Facts{}});
    const std::string text = render::report_text(report, {});
    const std::string sections = text.substr(text.find("\nSecond"));
    EXPECT_TRUE(sections.starts_with("\nSecond\nWith a ")) << text;
    EXPECT_TRUE(sections.ends_with("word.\n\nFirst\n")) << text;
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(ReportText, facts_are_lines_of_title_and_value) {
    report::Report report;
    report.sections.push_back(
        {"run", "The run", "",
         report::Facts{
             {{"a", "held", Nanoseconds(2s)}, {"b", "", std::int64_t{7}}, {"c", "left", {}}}}});
    EXPECT_THAT(render::report_text(report, {}),
                testing::EndsWith("\nThe run\n  held: 2.000s\n  left: -\n"));
}

} // namespace
} // namespace tcpdwell::test

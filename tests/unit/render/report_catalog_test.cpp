// SPDX-License-Identifier: Apache-2.0
// The outputs of a report, by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "render/report_output.h"
#include "sample_report.h"

namespace tcpdwell::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

TEST(ReportCatalog, has_names_and_help) {
    std::vector<std::string> names;
    for (const render::ReportOutput& output : render::report_outputs()) {
        names.emplace_back(output.name);
        EXPECT_FALSE(output.help.empty()) << output.name;
        EXPECT_EQ(render::find_report_output(output.name), &output);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"text", "json", "jsonl", "openmetrics",
                                               "prometheus"})); // the preset first
    EXPECT_EQ(render::find_report_output("no such"), nullptr);
    EXPECT_EQ(render::find_report_output(""), nullptr);
}

TEST(ReportCatalog, each_output_renders_and_ends_its_last_line) {
    report::ReportSet reports(sample_report());
    reports.hosts.front().metrics.push_back(
        {"x_now", "Now.", report::MetricType::gauge, {}, {{{}, 0.5}}});
    for (const render::ReportOutput& output : render::report_outputs())
        EXPECT_THAT(output.render(reports, {}), EndsWith("\n")) << output.name;
    EXPECT_EQ(render::find_report_output("text")->render(reports, {.width = 132}),
              render::report_text(reports, {.width = 132}));
    EXPECT_EQ(render::find_report_output("json")->render(reports, {}),
              render::report_json(reports) + "\n");
}

TEST(ReportCatalog, the_page_has_the_json_and_the_meanings_of_words) {
    report::ReportSet reports(sample_report());
    const report::TextPart words[] = {{"TIME_WAIT", "kept for a <minute>"}};
    reports.words = words;
    const std::string page = render::page_output().render(reports, {});
    EXPECT_THAT(page, HasSubstr(">" + render::report_json(reports) + "</script>"));
    EXPECT_THAT(page, HasSubstr(R"(id="words">{"TIME_WAIT":"kept for a \u003cminute>"}</script>)"));
}

} // namespace
} // namespace tcpdwell::test

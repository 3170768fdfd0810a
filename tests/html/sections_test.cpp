// SPDX-License-Identifier: Apache-2.0
// The page draws what the report says of its own sections: those that it has never heard of by
// their kind, and titles, help and columns as they stand there.
#include <gmock/gmock.h>

#include "../unit/render/unknown_sections.h"
#include "browser.h"
#include "described.h"
#include "render/html.h"
#include "render/report_formats.h"

namespace tcpdwell::test {
namespace {

using ::testing::HasSubstr;

TEST(SectionsOnThePage, OfEachKindAreDrawnThoughNobodyKnowsThem) {
    const nlohmann::json seen =
        evaluate_in(render::report_page(render::report_json(unknown_sections())), R"(
        return { error: document.documentElement.dataset.error ?? null,
                 sections: [...document.querySelectorAll('main > section')].map((s) => ({ id: s.id,
                     title: s.querySelector('h2').textContent, help: s.querySelector('.help').textContent,
                     text: s.textContent, drawings: s.querySelectorAll('svg').length })) };
    )");
    EXPECT_EQ(seen["error"], nullptr);
    ASSERT_EQ(seen["sections"].size(), std::size(kUnknownSections));
    for (std::size_t i = 0; i < std::size(kUnknownSections); ++i) {
        const nlohmann::json& section = seen["sections"][i];
        const UnknownSection& expected = kUnknownSections[i];
        EXPECT_EQ(section["id"], expected.id);
        EXPECT_EQ(section["title"], expected.title);
        EXPECT_EQ(section["help"], "Help on it.");
        std::string text = section["text"];
        for (std::size_t at; (at = text.find("\u202f")) != std::string::npos;) text.erase(at, 3);
        EXPECT_THAT(text, HasSubstr(std::string(expected.content)));
        const bool is_drawn = expected.kind == "distributions" || expected.kind == "diagram" ||
                              expected.kind == "timeline" || expected.kind == "findings";
        EXPECT_EQ(section["drawings"] > 0, is_drawn) << expected.id;
    }
}

TEST(SectionsOnThePage, OfAnUnknownKindAreShownAsTheyAre) {
    const Json report = {
        {"new", {{"depth", 7}}},
        {"sections",
         {{{"id", "new"}, {"title", "New"}, {"help", nullptr}, {"kind", "constructor"}}}}};
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()),
                                            "return document.getElementById('new').textContent;");
    EXPECT_THAT(seen.get<std::string>(), HasSubstr("\"depth\": 7"));
}

TEST(SectionsOnThePage, HaveTheTitlesAndOrderThatTheReportSays) {
    Json report = usual_report();
    std::swap(report["sections"][0], report["sections"][1]);
    Json& services = report["sections"][0];
    services["title"] = "Another title";
    services["help"] = "Another help.";
    services["columns"][6]["title"] = "Another column";
    services["columns"][6]["help"] = "Another tooltip.";
    services["columns"][7]["group"] = services["columns"][8]["group"] = "Another group";
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        const first = document.querySelector('main > section');
        return { title: first.querySelector('h2').textContent, help: first.querySelector('.help').textContent,
                 tooltip: [...first.querySelectorAll('thead th')]
                     .find((th) => th.querySelector('button')?.textContent === 'Another column')?.title,
                 groups: [...first.querySelectorAll('.groups th')].map((th) => th.textContent),
                 contents: [...document.querySelectorAll('#contents a')].map((a) => a.textContent) };
    )");
    EXPECT_EQ(seen["title"], "Another title");
    EXPECT_EQ(seen["help"], "Another help.");
    EXPECT_EQ(seen["tooltip"], "Another tooltip.");
    EXPECT_THAT(seen["groups"], testing::Contains("Another group"));
    EXPECT_EQ(seen["contents"][0], "Another title");
    EXPECT_EQ(seen["contents"].size(), report["sections"].size());
}

/// Columns that say the same everywhere take no room, but what they say is there.
TEST(SectionsOnThePage, LeaveOutNoColumn) {
    const nlohmann::json seen = evaluate_in(render::report_page(usual_report().dump()), R"(
        return [...document.querySelectorAll('main > section.kind-table')].map((section) => [section.id,
            section.textContent]);
    )");
    for (const nlohmann::json& each : seen)
        EXPECT_THAT(each[1].get<std::string>(), HasSubstr("4026531840"))
            << each[0]; // the network namespace
}

TEST(SectionsOnThePage, StatesStandInTheOrderOfTheReport) {
    Json report = usual_report();
    Json turned = Json::object();
    for (auto it = report["timeline"]["states"].rbegin(); it != report["timeline"]["states"].rend();
         ++it)
        turned[it.key()] = it.value();
    report["timeline"]["states"] = turned;
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        return [...document.querySelectorAll('.timeline .area')].map((a) => a.getAttribute('class').slice(11));
    )");
    std::vector<std::string> expected;
    for (const auto& [state, counts] : turned.items()) expected.push_back(state);
    EXPECT_EQ(seen, nlohmann::json(expected));
}

TEST(WordsOnThePage, HaveTheirMeaningAsATooltip) {
    const nlohmann::json seen =
        evaluate_in(render::report_page(usual_report().dump(),
                                        R"({"TIME_WAIT":"kept for </script> a minute"})"),
                    R"(
        return [...document.querySelectorAll('#states abbr')].map((abbr) => [abbr.textContent, abbr.title]);
    )");
    EXPECT_THAT(seen,
                testing::Contains(nlohmann::json{"TIME_WAIT", "kept for </script> a minute"}));
}

} // namespace
} // namespace tcpdwell::test

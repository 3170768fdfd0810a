// SPDX-License-Identifier: Apache-2.0
// What the page says: head, findings, numbers; and what it makes of names that are meant to do
// harm.
#include <gmock/gmock.h>

#include "browser.h"
#include "render/duration.h"
#include "render/html.h"
#include "samples.h"

namespace tcpdwell::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Header, ShowsWhereWhenAndHowMuch) {
    const std::string script =
        "return [document.title, document.getElementById('header').innerText.replace(/\\u202f/g, "
        "''),"
        "document.querySelectorAll('.tile.bad').length];";
    Json report = usual_report();
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), script);
    EXPECT_EQ(seen[0], "tcpdwell: web-3.example.net");
    for (const char* text :
         {"web-3.example.net", "6.12.48+deb13-amd64", "2026-11-21 14:22:05 to 14:32:05 UTC",
          "10m 00s", "30419", "live kernel", "none"})
        EXPECT_THAT(seen[1].get<std::string>(), HasSubstr(text));
    EXPECT_EQ(seen[2], 0);

    report["quality"]["lost"] = 4'711;
    report["quality"]["unexpected_edges"] = 2;
    report["meta"]["source"] = "recording";
    const nlohmann::json lossy = evaluate_in(render::report_page(report.dump()), script);
    for (const char* text : {"4711", "2 unexpected", "recording"})
        EXPECT_THAT(lossy[1].get<std::string>(), HasSubstr(text));
    EXPECT_EQ(lossy[2], 2);
}

TEST(FindingsOnThePage, HaveSeverityEvidenceAndAdvice) {
    const Json report = usual_report();
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        return [...document.querySelectorAll('.finding')].map((f) => ({
            id: f.dataset.finding, severity: f.querySelector('.severity').textContent,
            icon: f.querySelectorAll('.severity svg').length,
            what: f.querySelector('h3').textContent,
            advice: [...f.querySelectorAll('.advice li')].map((li) => li.textContent),
            evidence: Object.fromEntries([...f.querySelectorAll('.evidence tr')]
                .map((tr) => [...tr.cells].map((cell) => cell.textContent.replace(/\u202f/g, '')))),
            connections: [...f.querySelectorAll('.connections code')].map((c) => c.textContent),
            colour: getComputedStyle(f).borderLeftColor }));
    )");
    ASSERT_EQ(seen.size(), report["findings"].size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
        EXPECT_EQ(seen[i]["id"], report["findings"][i]["id"]);
        EXPECT_EQ(seen[i]["what"], report["findings"][i]["what"]);
        EXPECT_EQ(seen[i]["connections"],
                  nlohmann::json(report["findings"][i]["evidence"]["connections"]));
        EXPECT_EQ(seen[i]["icon"], 1);
    }
    EXPECT_EQ(seen[0]["severity"], "Critical");
    EXPECT_EQ(seen[1]["severity"], "Warning");
    EXPECT_EQ(seen[2]["severity"], "Info");
    EXPECT_NE(seen[0]["colour"], seen[1]["colour"]);
    EXPECT_EQ(seen[0]["advice"].size(), 2U); // one to a line
    EXPECT_EQ(seen[2]["advice"].size(), 0U);
    EXPECT_EQ(seen[0]["evidence"]["oldest"], "1h 10m"); // oldest_ns
    EXPECT_EQ(seen[0]["evidence"]["pid"], "77120");
    EXPECT_EQ(seen[1]["evidence"]["share"], "93%");
}

TEST(FindingsOnThePage, NothingFoundIsSaid) {
    const std::string script = "return document.getElementById('findings-none')?.innerText ?? '';";
    EXPECT_THAT(evaluate_in(render::report_page(empty_report().dump()), script).get<std::string>(),
                HasSubstr("No connections were seen"));
    Json report = usual_report();
    EXPECT_EQ(evaluate_in(render::report_page(report.dump()), script), "");
    report["findings"] = Json::array();
    EXPECT_THAT(evaluate_in(render::report_page(report.dump()), script).get<std::string>(),
                HasSubstr("Nothing found"));
}

/// The page rounds as tcpdwell's text does, only that it writes a micro sign.
TEST(Numbers, DurationsReadAsInText) {
    std::vector<std::int64_t> durations = {0, -1, -2'500'000'000};
    for (std::int64_t power = 1; power < 1'000'000'000'000'000; power *= 10)
        for (const std::int64_t digits :
             {1'000, 1'234, 1'995, 1'996, 4'500, 5'994, 5'996, 8'640, 9'994, 9'996, 9'999})
            if (power >= 1'000) durations.push_back(digits * (power / 1'000));
    for (const std::int64_t seconds : {59, 60, 119, 120, 3'599, 3'600, 86'399, 86'400, 90'061})
        for (const std::int64_t offset :
             {-600'000'000, -50'000'001, -1, 0, 1, 499'999'999, 500'000'000})
            durations.push_back(seconds * 1'000'000'000 + offset);
    std::vector<std::string> expected;
    for (const std::int64_t ns : durations) {
        std::string& text = expected.emplace_back();
        render::append_duration(text, Nanoseconds(ns));
        if (const std::size_t at = text.find("us"); at != std::string::npos)
            text.replace(at, 1, "µ");
    }
    const nlohmann::json seen =
        evaluate_in(render::report_page(empty_report().dump()),
                    "return " + nlohmann::json(durations).dump() + ".map(formatDuration);");
    for (std::size_t i = 0; i < durations.size(); ++i)
        EXPECT_EQ(seen[i], expected[i]) << durations[i];
}

TEST(Numbers, WhatIsNotKnownIsADash) {
    const nlohmann::json seen = evaluate_in(render::report_page(empty_report().dump()), R"(
        return [formatDuration(null), formatCount(undefined), formatNumber(NaN), formatShare(1, 0),
                formatShare(null, 3), formatEndpoint(null), formatEndpoint({ addr: null, port: 80 }),
                formatEndpoint({ addr: '::1', port: null }),
                formatCount(1234567), formatShare(1, 1000), formatShare(999, 1000), formatShare(1, 3)];
    )");
    const nlohmann::json expected = {
        "–", "–", "–", "–", "–", "", "*:80", "[::1]", "1\u202f234\u202f567", "<1%", ">99%", "33%"};
    EXPECT_EQ(seen, expected);
}

TEST(HostileNames, StayText) {
    const Json report = hostile_report();
    const std::string page = render::report_page(report.dump());
    const nlohmann::json seen = evaluate_in(page, R"(
        const handlers = [...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames())
            .filter((name) => name.startsWith('on'));
        return { owned: document.documentElement.dataset.owned ?? null, images: document.images.length,
                 scripts: document.scripts.length, handlers, host: document.querySelector('h1').textContent,
                 process: document.querySelector('#services tbody tr').cells[1].textContent,
                 endings: document.querySelector('#services tbody tr').innerText,
                 finding: document.querySelector('.finding h3').textContent,
                 severity: document.querySelector('.finding .severity').textContent,
                 turned: /[\u202a-\u202e\u2066-\u2069\u0000-\u0008]/.test(document.body.innerText + document.title) };
    )");
    const nlohmann::json harmless =
        evaluate_in(render::report_page(usual_report().dump()), "return document.scripts.length;");
    EXPECT_EQ(seen["owned"], nullptr);
    EXPECT_EQ(seen["images"], 0);
    EXPECT_EQ(seen["scripts"], harmless);
    EXPECT_EQ(seen["handlers"], nlohmann::json::array());
    EXPECT_EQ(seen["turned"], false);
    EXPECT_EQ(seen["severity"], "Info"); // for want of a known one
    for (const char* where : {"host", "process", "finding"}) {
        EXPECT_THAT(
            seen[where].get<std::string>(),
            HasSubstr("</script><script>document.documentElement.dataset.owned='1'</script>"));
        EXPECT_THAT(seen[where].get<std::string>(),
                    HasSubstr("{{report}} {{page.js}} \\u202edesrever\\u202c"));
    }
    for (const char* ending : {"__proto__ 1", "constructor 2"})
        EXPECT_THAT(seen["endings"].get<std::string>(), HasSubstr(ending));
    EXPECT_THAT(page, Not(HasSubstr("dataset.owned='1'</script>")));
}

} // namespace
} // namespace tcpdwell::test

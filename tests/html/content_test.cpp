// SPDX-License-Identifier: Apache-2.0
// What the page says: head, findings, numbers; and what it makes of names that are meant to do
// harm.
#include <gmock/gmock.h>

#include <cctype>

#include "browser.h"
#include "described.h"
#include "render/duration.h"
#include "render/html.h"
#include "report/evidence.h"
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

/// The tiles: {id: [text, classes, where its label leads]}, in their order.
nlohmann::json tiles_of(const Json& report) {
    return evaluate_in(render::report_page(report.dump()), R"(
        return [...document.querySelectorAll('.tile')].map((t) => [t.dataset.tile,
            t.querySelector('dd').innerText.replace(/\u202f/g, '').replace(/\s+/g, ' '),
            t.className, t.querySelector('a')?.getAttribute('href') ?? null]);
    )");
}

TEST(Tiles, LeadWithWhatIsWrong) {
    Json report = usual_report();
    report["quality"]["open"] = 205 + 1'731;
    const nlohmann::json seen = tiles_of(report);
    std::vector<std::string> ids;
    for (const nlohmann::json& tile : seen) ids.push_back(tile[0]);
    EXPECT_THAT(ids,
                testing::ElementsAre("findings", "resets", "failed", "close_wait", "connections",
                                     "duration", "whole", "transitions", "lost"));
    EXPECT_EQ(seen[0][1], "4 1 critical, 2 warnings, 1 info");
    EXPECT_EQ(seen[0][2], "tile critical");
    EXPECT_EQ(seen[0][3], "#findings");
    // All of the services': 41 sent; 466, 29 and 43 received.
    EXPECT_EQ(seen[1][1], "579 2% of those that ended: 41 sent, 538 received");
    EXPECT_EQ(seen[2][1], "277 195 unanswered, 82 handshakes");
    EXPECT_EQ(seen[3][1], "37 the oldest for 1h 10m");
    // What is in TIME_WAIT is over.
    EXPECT_EQ(seen[4][1], "30419 30214 ended, 205 open, 1731 in TIME_WAIT");
}

TEST(Tiles, AreQuietWhereNothingIsWrong) {
    const nlohmann::json seen = tiles_of(empty_report());
    EXPECT_EQ(seen[0][1], "none");
    EXPECT_EQ(seen[0][2], "tile good");
    for (std::size_t i = 1; i < 3; ++i) {
        EXPECT_EQ(seen[i][1], "none") << seen[i];
        EXPECT_EQ(seen[i][2], "tile quiet") << seen[i];
    }
}

TEST(FindingsOnThePage, HaveSeverityEvidenceAndAdvice) {
    const Json report = usual_report();
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        return [...document.querySelectorAll('.finding')].map((f) => ({
            id: f.dataset.finding, severity: f.querySelector('.severity').textContent,
            icon: f.querySelector('.severity .shape').getAttribute('d'),
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
    }
    // Severity by word, shape and colour.
    EXPECT_EQ(seen[0]["severity"], "Critical");
    EXPECT_EQ(seen[2]["severity"], "Warning");
    EXPECT_EQ(seen[3]["severity"], "Info");
    for (const char* what : {"icon", "colour"}) {
        EXPECT_NE(seen[0][what], seen[2][what]);
        EXPECT_NE(seen[2][what], seen[3][what]);
    }
    EXPECT_EQ(seen[0]["advice"].size(), 2U); // one to a line
    EXPECT_EQ(seen[3]["advice"].size(), 0U);
    // In words, with units; what isn't known isn't there.
    const nlohmann::json leak = {{"Sockets past the threshold", "37"},
                                 {"Oldest", "1h 10m"},
                                 {"Process", "report-export"},
                                 {"Process id", "77120"},
                                 {"Bytes received, not read", "8.01 MiB"},
                                 {"Held by", "report-export 77120, sh 77121"}};
    EXPECT_EQ(seen[0]["evidence"], leak);
    EXPECT_EQ(seen[1]["evidence"]["Opened"], "12.7 a second");
    EXPECT_EQ(seen[1]["evidence"]["Lasts at this pace for"], "6m 17s");
    EXPECT_EQ(seen[1]["evidence"]["Local ports that there are"], "28232"); // of this finding only
    EXPECT_EQ(seen[2]["evidence"]["Share of them"], "93%");
}

/// Every key that evidence can have, of the report's own table: none is shown as it is.
TEST(FindingsOnThePage, NoKeyOfEvidenceIsShown) {
    Json report = usual_report();
    Json evidence = Json::object();
    for (const report::EvidenceWords& words : report::kEvidenceWords)
        evidence[std::string(words.key)] = 3;
    report["findings"][0]["evidence"] = evidence;
    report = described(report);
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        return [...document.querySelector('.finding').querySelectorAll('.evidence th')]
            .map((th) => th.textContent);
    )");
    EXPECT_EQ(seen.size(), evidence.size());
    for (const std::string label : seen) {
        EXPECT_EQ(evidence.count(label), 0u) << label;
        EXPECT_TRUE(std::isupper(static_cast<unsigned char>(label.front())) ||
                    label == "tcp_max_tw_buckets")
            << label;
    }
}

TEST(FindingsOnThePage, ConsequencesStandUnderTheirRoot) {
    Json report = usual_report();
    // Its own root, a pair that explains each other, and one whose root isn't there.
    Json self = report["findings"][3];
    self["subject"] = "self";
    self["because"] = {{"id", self["id"]}, {"subject", self["subject"]}};
    Json first = self, second = self, lost = self;
    first["subject"] = "first";
    first["because"] = {{"id", self["id"]}, {"subject", "second"}};
    second["subject"] = "second";
    second["because"] = {{"id", self["id"]}, {"subject", "first"}};
    lost["subject"] = "lost";
    lost["because"] = {{"id", "gone"}, {"subject", "nobody"}};
    report["findings"].insert(report["findings"].end(), {self, first, second, lost});
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        const all = [...document.querySelectorAll('.finding')];
        const leak = all.find((f) => f.dataset.finding === 'close_wait_leak');
        const ports = all.find((f) => f.dataset.finding === 'ephemeral_ports_low');
        const to = ports.querySelector('.because a').getAttribute('href');
        const back = leak.querySelector('.explains a').getAttribute('href');
        return { number: all.length, inside: ports.closest('.consequences').previousElementSibling === leak,
                 left: ports.getBoundingClientRect().left - leak.getBoundingClientRect().left,
                 to: document.querySelector(to) === leak, back: document.querySelector(back) === ports,
                 text: ports.querySelector('.because').textContent,
                 without: all.at(-1).querySelector('.because').textContent,
                 links: all.at(-1).querySelectorAll('.because a').length,
                 nested: document.querySelectorAll('.consequences .finding').length,
                 lines: document.querySelectorAll('.overview li').length,
                 error: document.documentElement.dataset.error ?? null };
    )");
    EXPECT_EQ(seen["number"], report["findings"].size());
    EXPECT_EQ(seen["inside"], true);
    EXPECT_GT(seen["left"], 5);
    EXPECT_EQ(seen["to"], true);
    EXPECT_EQ(seen["back"], true);
    EXPECT_THAT(seen["text"].get<std::string>(),
                HasSubstr("close_wait_leak of report-export (pid 77120)"));
    EXPECT_THAT(seen["without"].get<std::string>(), HasSubstr("gone of nobody"));
    EXPECT_EQ(seen["links"], 0);
    EXPECT_EQ(seen["nested"], 2); // of the pair, one is the root
    EXPECT_EQ(seen["lines"], report["findings"].size());
    EXPECT_EQ(seen["error"], nullptr);
}

TEST(FindingsOnThePage, AreExplainedInPlace) {
    const std::string helps = R"({"close_wait_leak":{"summary":"a </script> leak",
        "text":"Reported when it is so.\nMeans: that.\nWhat helps: this.","source":"RFC 1",
        "thresholds":[{"name":"close_wait_leak.age","value":"5s","preset":"60s","help":"so long"}]}})";
    const nlohmann::json seen =
        evaluate_in(render::report_page(usual_report().dump(), "{}", helps), R"(
        const all = [...document.querySelectorAll('.finding .explanation')];
        const [help] = all;
        const hidden = help.querySelector('p').checkVisibility();
        help.querySelector('summary').click();
        return { number: all.length, of: help.closest('.finding').dataset.finding, hidden, tag: help.tagName,
                 shown: help.querySelector('p').checkVisibility(), text: help.innerText,
                 strong: [...help.querySelectorAll('strong')].map((s) => s.textContent),
                 command: document.querySelector('.finding kbd').textContent };
    )");
    EXPECT_EQ(seen["number"], 1);
    EXPECT_EQ(seen["of"], "close_wait_leak");
    EXPECT_EQ(seen["tag"], "DETAILS");
    EXPECT_EQ(seen["hidden"], false);
    EXPECT_EQ(seen["shown"], true);
    for (const char* text :
         {"A </script> leak.", "Means: that.", "close_wait_leak.age", "5s (preset 60s)", "RFC 1"})
        EXPECT_THAT(seen["text"].get<std::string>(), HasSubstr(text));
    EXPECT_EQ(seen["strong"], (nlohmann::json{"Reported when", "Means:", "What helps:"}));
    EXPECT_EQ(seen["command"], "tcpdwell trace -r FILE --conn 00000000000a41f7");
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

// SPDX-License-Identifier: Apache-2.0
// Tables: what stands in them, and that they can be sorted, filtered and unfolded.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "browser.h"
#include "render/html.h"
#include "samples.h"

namespace tcpdwell::test {
namespace {

using ::testing::ElementsAre;

/// Functions for scripts: the texts of a table's column (digits only, where these are numbers), by
/// its heading.
const std::string kReading = R"(
    const texts = (id, heading) => {
        const rows = [...document.querySelectorAll('#' + id + ' thead tr')].at(-1);
        const at = [...rows.cells].findIndex((th) => th.querySelector('button').textContent === heading);
        return [...document.querySelectorAll('#' + id + ' tbody tr')].map((tr) => tr.cells[at].textContent);
    };
    const numbers = (id, heading) => texts(id, heading).map((text) => Number(text.replace(/\u202f/g, '')));
    const heading = (id, text) => [...document.querySelectorAll('#' + id + ' thead th')]
        .find((th) => th.querySelector('button')?.textContent === text);
)";

std::vector<std::uint64_t> sorted_connections(const Json& report) {
    std::vector<std::uint64_t> all;
    for (const Json& service : report["services"]) all.push_back(service["connections"]);
    std::sort(all.begin(), all.end(), std::greater<>());
    return all;
}

TEST(Tables, ShowWhatTheReportHas) {
    const Json report = usual_report();
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), kReading + R"(
        return { local: texts('services', 'Service'), connections: numbers('services', 'Connections'),
                 peak: numbers('services', 'peak'), remotes: texts('remotes', 'Remote server'),
                 held: numbers('ports', 'Held'),
                 states: texts('states', 'State').length, counts: numbers('states', 'Count'),
                 p50: texts('states', 'p50'),
                 groups: numbers('states_by', 'Count').length, latencies: texts('latencies', 'What').length,
                 transitions: numbers('transitions', 'Count'),
                 bar: document.querySelector('#services tbody .closed-bar').getAttribute('aria-label'),
                 sysctls: document.getElementById('sysctls-table').innerText,
                 quality: document.getElementById('quality-table').rows.length };
    )");
    ASSERT_EQ(seen["connections"].size(), report["services"].size());
    for (std::size_t i = 0; i < report["services"].size(); ++i) {
        EXPECT_EQ(seen["connections"][i], report["services"][i]["connections"]);
        EXPECT_EQ(seen["peak"][i], report["services"][i]["time_wait"]["peak"]);
    }
    EXPECT_EQ(seen["local"][0], "0.0.0.0:8080");
    EXPECT_EQ(seen["local"][1], "[::]:443");
    EXPECT_EQ(seen["local"][2], "outgoing");
    EXPECT_THAT(seen["bar"].get<std::string>(), testing::HasSubstr("remote"));
    EXPECT_EQ(seen["remotes"].size(), report["remotes"].size());
    EXPECT_EQ(seen["held"].size(), report["ports"].size());
    EXPECT_EQ(seen["states"], report["states"].size());
    EXPECT_EQ(seen["counts"][1], report["states"]["SYN_SENT"]["count"]);
    EXPECT_EQ(seen["p50"][0], "–"); // LISTEN: nothing has ended
    EXPECT_EQ(seen["latencies"], report["latencies"].size());
    EXPECT_EQ(seen["transitions"].size(), report["transitions"].size());
    std::size_t in_groups = 0;
    for (const Json& group : report["states_by"]["groups"]) in_groups += group["states"].size();
    EXPECT_EQ(seen["groups"], in_groups);
    EXPECT_EQ(seen["quality"], report["quality"].size());
}

TEST(Tables, AreSortedByTheirHeadings) {
    const Json report = huge_report();
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), kReading + R"(
        const button = heading('services', 'Connections').querySelector('button');
        button.focus();
        const focused = document.activeElement === button;
        button.click();
        const first = () => numbers('services', 'Connections').slice(0, 3);
        const order = () => heading('services', 'Connections').ariaSort;
        const down = { first: first(), sort: order(), hash: location.hash };
        button.click();
        const up = { first: first(), sort: order() };
        heading('services', 'Process').querySelector('button').click();
        const text = { first: texts('services', 'Process').slice(0, 2), left: order() };
        return { focused, down, up, text };
    )");
    const std::vector<std::uint64_t> expected = sorted_connections(report);
    EXPECT_EQ(seen["focused"], true);
    EXPECT_EQ(seen["down"]["sort"], "descending");
    EXPECT_EQ(seen["down"]["hash"], "#sort=services.connections.descending");
    EXPECT_EQ(seen["up"]["sort"], "ascending");
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(seen["down"]["first"][i], expected[i]);
        EXPECT_EQ(seen["up"]["first"][i], expected[expected.size() - 1 - i]);
    }
    EXPECT_EQ(seen["text"]["left"], nullptr);
    EXPECT_THAT(seen["text"]["first"][0].get<std::string>(), testing::StartsWith("worker-0"));
    EXPECT_THAT(seen["text"]["first"][1].get<std::string>(), testing::StartsWith("worker-1"));
}

TEST(Tables, FollowTheAddress) {
    const Json report = huge_report();
    const std::string page = render::report_page(report.dump());
    const std::vector<std::uint64_t> expected = sorted_connections(report);
    const std::string first = kReading + "return numbers('services', 'Connections')[0];";
    EXPECT_EQ(evaluate_in(page, first, {.fragment = "sort=services.connections"}),
              expected.front());
    EXPECT_EQ(evaluate_in(page, first, {.fragment = "sort=services.connections.ascending"}),
              expected.back());
    const nlohmann::json filtered = evaluate_in(
        page, kReading + R"(
        const before = texts('services', 'Process').length;
        location.hash = 'filter=services:worker-4321&sort=no.such&all=nothing';
        await new Promise((done) => setTimeout(done, 100));
        return [before, texts('services', 'Process').length];
    )",
        {.fragment = "filter=services:worker-77%20server&sort=services.closed_first.local"});
    EXPECT_THAT(filtered[0].get<int>(), testing::AllOf(testing::Gt(1), testing::Lt(100)));
    EXPECT_EQ(filtered[1], 1);
}

TEST(Tables, ShowTheFirstOfManyUntilAskedForAll) {
    const nlohmann::json seen =
        evaluate_in(render::report_page(huge_report().dump()), kReading + R"(
        const rows = () => document.querySelectorAll('#services tbody tr').length;
        const status = () => document.querySelector('#services .status').textContent.replace(/\u202f/g, '');
        const input = document.querySelector('#services input');
        const few = { rows: rows(), status: status() };
        input.value = 'WORKER-123';
        input.dispatchEvent(new Event('input'));
        const filtered = { rows: rows(), status: status() };
        input.value = '';
        input.dispatchEvent(new Event('input'));
        document.querySelector('#services .show-more').click();
        const more = rows();
        document.querySelector('#services .show-all').click();
        return { few, filtered, more, all: rows(), beyond: document.querySelectorAll('#services tr.beyond').length };
    )");
    EXPECT_EQ(seen["few"]["rows"], 100);
    EXPECT_THAT(seen["few"]["status"].get<std::string>(), testing::HasSubstr("100 of 5000"));
    EXPECT_EQ(seen["filtered"]["rows"], 11); // 123 and 1230 to 1239
    EXPECT_THAT(seen["filtered"]["status"].get<std::string>(), testing::HasSubstr("11 of 5000"));
    EXPECT_EQ(seen["more"], 500);
    EXPECT_EQ(seen["all"], 5000);
    EXPECT_EQ(seen["beyond"], 4975); // not printed
}

TEST(Tables, WhatIsNotKnownStandsLast) {
    Json report = usual_report();
    report["services"][0]["connections"] = nullptr;
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), kReading + R"(
        const button = heading('services', 'Connections').querySelector('button');
        button.click();
        const down = texts('services', 'Connections').at(-1);
        button.click();
        return [down, texts('services', 'Connections').at(-1)];
    )");
    EXPECT_THAT(seen, ElementsAre("–", "–"));
}

} // namespace
} // namespace tcpdwell::test

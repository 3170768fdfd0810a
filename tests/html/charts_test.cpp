// SPDX-License-Identifier: Apache-2.0
// Drawings: histograms, the timeline, the state diagram.
#include <gmock/gmock.h>

#include <algorithm>

#include "browser.h"
#include "render/html.h"
#include "samples.h"

namespace tcpdwell::test {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;

TEST(Histograms, AreDrawnForEveryStateThatWasLeft) {
    const Json report = usual_report();
    std::vector<std::string> expected;
    for (const auto& [state, body] : report["states"].items())
        if (body["count"] > 0) expected.push_back(state);
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        const of = (id) => document.querySelector('#states .histogram[data-of=' + id + ']');
        const ticks = (id) => [...of(id).querySelectorAll('.tick')].map((t) => t.textContent);
        return { drawn: [...document.querySelectorAll('#states .histogram')].map((h) => h.dataset.of),
                 bars: [...document.querySelectorAll('#states .histogram')]
                     .map((h) => h.querySelectorAll('.bar').length),
                 nominal: [...document.querySelectorAll('.marker-label.nominal')]
                     .map((t) => t.textContent + ' of ' + t.closest('.histogram').dataset.of),
                 timeWait: ticks('TIME_WAIT'), established: ticks('ESTABLISHED') };
    )");
    EXPECT_EQ(seen["drawn"], nlohmann::json(expected));
    for (const nlohmann::json& bars : seen["bars"]) EXPECT_THAT(bars.get<int>(), Ge(3));
    EXPECT_EQ(seen["nominal"], nlohmann::json({"nominal 60s of TIME_WAIT"}));
    // TIME_WAIT lasts about a minute, and only that is shown; ESTABLISHED spreads over decades.
    EXPECT_THAT(seen["timeWait"].size(), Ge(2U));
    for (const std::string tick : seen["timeWait"])
        EXPECT_THAT(tick, testing::MatchesRegex("6[0-9](\\.[0-9]+)?s"));
    EXPECT_THAT(seen["established"], AllOf(testing::Contains("10ms"), testing::Contains("10s")));
}

/// Whatever is drawn together or cut off at the ends, no sample is lost, and areas are shares.
TEST(Histograms, KeepEverySample) {
    const nlohmann::json seen = evaluate_in(render::report_page(usual_report().dump()), R"(
        const report = JSON.parse(document.getElementById('report').textContent);
        const seen = Object.entries(report.states).filter(([, s]) => s.count > 0);
        return seen.flatMap(([name, s]) => [120, 300, 700].map((width) => {
            const buckets = bucketsOf(s);
            const axis = durationAxis(...rangeOf(buckets, s.nominal_ns), width);
            const bars = barsOf(buckets, axis, width);
            const area = bars.map((bar) => bar.height * (bar.x1 - bar.x0));
            const all = area.reduce((a, b) => a + b, 0);
            return { name, width, missing: s.count - bars.reduce((sum, bar) => sum + bar.count, 0),
                     outside: bars.filter((bar) => bar.x0 < -1 || bar.x1 > width + 1).length,
                     crooked: bars.filter((bar, i) => Math.abs(area[i] / all - bar.count / s.count) > 1e-6).length };
        }));
    )");
    ASSERT_THAT(seen, testing::Not(IsEmpty()));
    for (const nlohmann::json& each : seen) {
        EXPECT_THAT(each["missing"].get<double>(), DoubleNear(0, 1e-3)) << each;
        EXPECT_EQ(each["outside"], 0) << each;
        EXPECT_EQ(each["crooked"], 0) << each;
    }
}

TEST(Histograms, MarksStayWithinTheDrawing) {
    const nlohmann::json seen = evaluate_in(render::report_page(usual_report().dump()), R"(
        return [...document.querySelectorAll('.histogram svg')].flatMap((svg) => {
            const bounds = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].map((text) => text.getBoundingClientRect())
                .filter((b) => b.left < bounds.left - 1 || b.right > bounds.right + 1
                    || b.top < bounds.top - 1 || b.bottom > bounds.bottom + 1)
                .map((b) => svg.querySelector('title').textContent);
        });
    )",
                                            {.width = 400});
    EXPECT_THAT(seen, IsEmpty());
}

TEST(TimelineOfStates, IsReadWithTheKeyboard) {
    const Json report = usual_report();
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        const place = document.querySelector('.chart.timeline');
        const press = (key) =>
            place.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        const row = () => [...document.querySelectorAll('#timeline-table tbody tr')]
            .find((tr) => tr.textContent.startsWith('ESTABLISHED'));
        const now = () => Number(row().cells[1].textContent.replace(/\D/g, ''));
        const answer = { end: now() };
        place.focus();
        press('Home'); press('ArrowRight'); press('ArrowRight');
        answer.third = now();
        answer.when = document.querySelector('#timeline-table thead th:nth-child(2)').textContent;
        answer.cursor = place.querySelector('.cursor').getAttribute('visibility');
        press('Escape');
        answer.again = now();
        return { ...answer, focus: document.activeElement === place };
    )");
    const Json& established = report["timeline"]["states"]["ESTABLISHED"];
    EXPECT_EQ(seen["end"], established.back());
    EXPECT_EQ(seen["third"], established[2]);
    EXPECT_EQ(seen["when"], "14:22:09"); // the begin and two steps of 2 s
    EXPECT_EQ(seen["cursor"], "visible");
    EXPECT_EQ(seen["again"], established.back());
    EXPECT_EQ(seen["focus"], true);
}

/// Thousands in TIME_WAIT leave 37 in CLOSE_WAIT as high as they are themselves.
TEST(TimelineOfStates, EachStateHasItsOwnScale) {
    const Json report = usual_report();
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        const areas = [...document.querySelectorAll('.timeline .area')].map((a) => a.getBBox());
        return { heights: areas.map((b) => b.height), tops: areas.map((b) => b.y),
                 ends: areas.map((b) => b.y + b.height),
                 most: [...document.querySelectorAll('.timeline svg text')].map((t) => t.textContent)
                     .filter((t) => t.startsWith('most')).map((t) => Number(t.replace(/\D/g, ''))) };
    )");
    const Json& states = report["timeline"]["states"];
    ASSERT_EQ(seen["heights"].size(), states.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
        EXPECT_THAT(seen["heights"][i].get<double>(),
                    DoubleNear(seen["heights"][0].get<double>(), 1));
        EXPECT_THAT(seen["heights"][i].get<double>(), Ge(25));
        if (i > 0) {
            EXPECT_THAT(seen["tops"][i].get<double>(), Gt(seen["ends"][i - 1].get<double>()));
        }
    }
    std::size_t i = 0;
    for (const auto& [state, counts] : states.items())
        EXPECT_EQ(seen["most"][i++], *std::max_element(counts.begin(), counts.end())) << state;
}

/// The bars of a finding's connections: [left, right] of each span, by connection.
nlohmann::json bars_of(const Json& report, const View& view = {}) {
    return evaluate_in(render::report_page(report.dump()), R"(
        return [...document.querySelectorAll('.finding .lives')].map((figure) => ({
            caption: figure.querySelector('figcaption').textContent,
            words: figure.querySelector('desc').textContent,
            legend: figure.querySelector('.legend').textContent,
            label: [...figure.querySelectorAll('.life-label')].map((t) => t.textContent),
            still: figure.querySelectorAll('.still').length,
            width: figure.querySelector('svg').viewBox.baseVal.width,
            lives: [...figure.querySelectorAll('.life')].map((life) => [...life.querySelectorAll('.span')]
                .map((rect) => ({ state: rect.classList[1].slice(6), inexact: rect.classList.contains('inexact'),
                    x: rect.getBBox().x, end: rect.getBBox().x + rect.getBBox().width }))) }));
    )",
                       view);
}

TEST(TimelineOfAFinding, HasABarForEachConnectionColouredByState) {
    const nlohmann::json seen = bars_of(usual_report());
    ASSERT_EQ(seen.size(), 1u);
    const nlohmann::json& lives = seen[0]["lives"];
    ASSERT_EQ(lives.size(), 3u);
    EXPECT_EQ(seen[0]["label"],
              (nlohmann::json{"10.20.0.3:40001", "10.20.0.3:40002", "10.20.0.3:40003"}));
    ASSERT_EQ(lives[1].size(), 3u);
    EXPECT_EQ(lives[1][2]["state"], "CLOSE_WAIT");
    // 14:20:00.5 to 14:32:05.1: the bars begin and end at the times that they show.
    const double from = lives[0][0]["x"], to = lives[0][1]["end"];
    const auto at = [&](double seconds) { return from + (to - from) * seconds / 724.6; };
    EXPECT_THAT(lives[0][0]["end"].get<double>(), DoubleNear(at(179.5), 2));
    EXPECT_THAT(lives[1][0]["x"].get<double>(), DoubleNear(at(149.5), 2));
    EXPECT_THAT(lives[1][1]["end"].get<double>(), DoubleNear(at(359.5), 2));
    EXPECT_THAT(lives[2].back()["end"].get<double>(), DoubleNear(at(599.5), 2));
    EXPECT_EQ(lives[0][0]["inexact"], true);
    EXPECT_EQ(lives[2].size(), 1u); // nothing is known of when its ESTABLISHED began
    EXPECT_EQ(seen[0]["still"], 2);
    EXPECT_THAT(seen[0]["words"].get<std::string>(), HasSubstr("CLOSE_WAIT 9m 05s so far"));
    EXPECT_THAT(seen[0]["legend"].get<std::string>(), HasSubstr("CLOSE_WAIT"));
}

TEST(TimelineOfAFinding, BeginsAllAtTheLeftIfTheyAreShortAndFarApart) {
    Json report = usual_report();
    Json& timeline = report["findings"][0]["timeline"];
    timeline = Json::array();
    for (int i = 0; i < 30; ++i) {
        const std::string minute = std::to_string(10 + i);
        timeline.push_back({{"conn", std::to_string(i)},
                            {"local", nullptr},
                            {"remote", {{"addr", "2001:db8::" + std::to_string(i)}, {"port", 80}}},
                            {"ending", "reset_received"},
                            {"states",
                             {{{"state", "ESTABLISHED"},
                               {"begin", "2026-11-21T14:" + minute + ":00Z"},
                               {"begin_exact", true},
                               {"end", "2026-11-21T14:" + minute + ":01Z"}}}}});
    }
    const nlohmann::json seen = bars_of(report, {.width = 400});
    ASSERT_EQ(seen[0]["lives"].size(), 20u); // no more than that
    for (const nlohmann::json& life : seen[0]["lives"]) {
        EXPECT_EQ(life[0]["x"], seen[0]["lives"][0][0]["x"]);
        EXPECT_THAT(life[0]["end"].get<double>() - life[0]["x"].get<double>(), Gt(50));
        EXPECT_THAT(life[0]["end"].get<double>(), Le(seen[0]["width"].get<double>()));
    }
    EXPECT_THAT(seen[0]["caption"].get<std::string>(), HasSubstr("each from its beginning on"));
}

TEST(Diagram, HasEveryTransition) {
    Json report = usual_report();
    report["transitions"].push_back({{"from", "TIME_WAIT"},
                                     {"to", "ESTABLISHED"},
                                     {"count", 3},
                                     {"p50_ns", nullptr},
                                     {"kind", "unexpected"}});
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        const edges = [...document.querySelectorAll('#transitions .edge')];
        return { seen: edges.filter((e) => !e.classList.contains('never')).map((e) => e.dataset.edge),
                 never: edges.filter((e) => e.classList.contains('never')).map((e) => e.dataset.edge),
                 red: edges.filter((e) => e.classList.contains('unexpected')).map((e) => e.dataset.edge),
                 listed: document.querySelector('.unexpected-edges').textContent,
                 nodes: [...document.querySelectorAll('#transitions .node .name')].map((n) => n.textContent),
                 labels: [...document.querySelectorAll('#transitions .edge-label')]
                     .map((l) => l.textContent.replace(/\u202f/g, '')),
                 widths: Object.fromEntries(edges.map((e) => [e.dataset.edge,
                     Number(e.querySelector('path').getAttribute('stroke-width'))])) };
    )");
    EXPECT_EQ(seen["seen"].size(), report["transitions"].size());
    for (const Json& edge : report["transitions"]) {
        const std::string name =
            edge["from"].get<std::string>() + ">" + edge["to"].get<std::string>();
        EXPECT_THAT(seen["seen"], testing::Contains(name));
        EXPECT_THAT(seen["labels"], testing::Contains(testing::StartsWith(edge["count"].dump())));
    }
    EXPECT_THAT(seen["never"], testing::Contains("SYN_SENT>SYN_RECV"));
    EXPECT_EQ(seen["red"], nlohmann::json({"TIME_WAIT>ESTABLISHED"}));
    EXPECT_THAT(seen["listed"].get<std::string>(), HasSubstr("TIME_WAIT → ESTABLISHED (3)"));
    for (const auto& [state, body] : report["states"].items())
        EXPECT_THAT(seen["nodes"], testing::Contains(state));
    EXPECT_GT(seen["widths"]["LISTEN>SYN_RECV"], seen["widths"]["FIN_WAIT1>CLOSING"]);
    EXPECT_EQ(evaluate_in(render::report_page(usual_report().dump()),
                          "return document.querySelector('.unexpected-edges');"),
              nullptr);
}

/// With every line drawn and large numbers everywhere: labels touch no box, no line and no other
/// label.
TEST(Diagram, NothingOverlaps) {
    const nlohmann::json seen = evaluate_in(render::report_page(usual_report().dump()), R"(
        const transitions = Object.keys(ROUTES).map((name, i) => ({ from: name.split('>')[0], to: name.split('>')[1],
            count: 1234567, p50_ns: 61.44e9, kind: 'rfc9293' }));
        const states = Object.fromEntries(Object.keys(NODES).map((state) => [state, { count: 5, open: 12345, p50_ns: 61.44e9 }]));
        const svg = document.querySelector('.diagram svg');
        svg.replaceChildren();
        drawDiagram(svg, transitions, states);
        const box = (node) => {
            const b = node.getBBox();
            return { x0: b.x, y0: b.y, x1: b.x + b.width, y1: b.y + b.height };
        };
        const meet = (a, b, slack) =>
            a.x0 < b.x1 - slack && b.x0 < a.x1 - slack && a.y0 < b.y1 - slack && b.y0 < a.y1 - slack;
        const labels = [...svg.querySelectorAll('.edge-label')].map((t) =>
            ({ text: t.textContent + ' at ' + t.getAttribute('x') + ',' + t.getAttribute('y'), ...box(t) }));
        const nodes = [...svg.querySelectorAll('.node')].map((n) => ({ text: n.querySelector('.name').textContent,
            node: n, ...box(n.querySelector('.box')) }));
        const faults = [];
        labels.forEach((a, i) => {
            for (const b of labels.slice(i + 1)) if (meet(a, b, 1)) faults.push(a.text + ' on ' + b.text);
            for (const b of nodes) if (meet(a, b, 1)) faults.push(a.text + ' on ' + b.text);
            if (a.x0 < DIAGRAM.left || a.x1 > DIAGRAM.left + DIAGRAM.width
                || a.y0 < 0 || a.y1 > DIAGRAM.height) faults.push(a.text + ' is cut off');
        });
        nodes.forEach((a, i) => {
            for (const b of nodes.slice(i + 1)) if (meet(a, b, 0)) faults.push(a.text + ' on ' + b.text);
            for (const text of a.node.querySelectorAll('text')) {
                const b = box(text);
                if (b.x0 < a.x0 + 9 || b.x1 > a.x1) faults.push(text.textContent + ' leaves its box');
            }
        });
        const lines = [...svg.querySelectorAll('.edge')].map((e) => ({ name: e.dataset.edge,
            path: e.querySelector('path') }));
        for (const { name, path } of lines) {
            const points = [];
            for (let at = 0; at < path.getTotalLength(); at += 4) points.push(path.getPointAtLength(at));
            const through = (b, slack) => points.some((p) =>
                p.x > b.x0 + slack && p.x < b.x1 - slack && p.y > b.y0 + slack && p.y < b.y1 - slack);
            for (const b of labels) if (through(b, 2)) faults.push(name + ' runs through ' + b.text);
            for (const b of nodes) if (through(b, 4)) faults.push(name + ' runs through the box ' + b.text);
        }
        return { faults, labels: labels.length, lines: lines.length };
    )",
                                            {.width = 1440});
    EXPECT_THAT(seen["lines"].get<int>(), Ge(30));
    EXPECT_EQ(seen["labels"], seen["lines"]);
    EXPECT_EQ(seen["faults"].dump(1), "[]");
}

} // namespace
} // namespace tcpdwell::test

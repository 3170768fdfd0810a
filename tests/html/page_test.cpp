// SPDX-License-Identifier: Apache-2.0
// Every report is drawn, whole and without a word to the network, on every kind of screen and on
// paper.
#include <gmock/gmock.h>

#include <chrono>
#include <ostream>

#include "browser.h"
#include "render/html.h"
#include "samples.h"

namespace tcpdwell::test {
namespace {

using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Lt;
using namespace std::chrono_literals;

struct Case {
    const char* name;
    Json (*report)();
    View view;
};

std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }

class Page : public ::testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Of, Page,
    ::testing::Values(Case{"usual", usual_report, {.width = 1440, .height = 1000}},
                      Case{"usual_wide", usual_report, {.width = 1600, .height = 1000}},
                      Case{"usual_phone", usual_report, {.width = 360, .height = 800}},
                      Case{"empty", empty_report, {}},
                      Case{"empty_phone", empty_report, {.width = 360, .height = 800}},
                      Case{"hostile", hostile_report, {}},
                      Case{"hostile_phone", hostile_report, {.width = 360, .height = 800}},
                      Case{"hosts", hosts_report, {}},
                      Case{"hosts_phone", hosts_report, {.width = 360, .height = 800}},
                      Case{"huge", huge_report, {}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(Page, IsDrawnWithoutErrors) {
    const nlohmann::json seen = evaluate_in(render::report_page(GetParam().report().dump()), R"(
        await new Promise((done) => setTimeout(done, 500)); // resize observers have had their turn
        const root = document.documentElement;
        const visible = (e) => e.checkVisibility();
        return {
            ready: root.dataset.ready, error: root.dataset.error ?? null,
            sections: [...document.querySelectorAll('main > section')].map((s) => s.id),
            overflow: root.scrollWidth - root.clientWidth,
            fetched: performance.getEntriesByType('resource').map((r) => r.name),
            references: [...document.querySelectorAll('[href], [src]')]
                .map((e) => e.getAttribute('href') ?? e.getAttribute('src'))
                .filter((to) => !to.startsWith('#')),
            nameless: [...document.querySelectorAll('svg[role=img]')].filter((s) => !s.querySelector('title')
                && !s.ariaLabel).length,
            mute: [...document.querySelectorAll('svg:not([role=img]):not([aria-hidden=true])')].length,
            scopeless: document.querySelectorAll('th:not([scope])').length,
            captionless: [...document.querySelectorAll('table')].filter((t) => !t.caption?.textContent).length,
            overflowing: [...document.querySelectorAll('.tile, .finding, .histogram, .facts')]
                .filter((e) => visible(e) && e.scrollWidth > e.clientWidth + 1).length,
            numbers: (document.body.innerText.match(/NaN|undefined|\[object|Infinity/g) ?? []).length,
        };
    )",
                                            GetParam().view);
    EXPECT_EQ(seen["ready"], "yes");
    EXPECT_EQ(seen["error"], nullptr);
    EXPECT_THAT(seen["sections"].size(), Ge(6U));
    EXPECT_THAT(seen["overflow"].get<int>(), Le(0));
    for (const char* none :
         {"nameless", "mute", "scopeless", "captionless", "overflowing", "numbers"})
        EXPECT_EQ(seen[none], 0) << none;
    EXPECT_EQ(seen["fetched"], nlohmann::json::array());
    EXPECT_EQ(seen["references"], nlohmann::json::array());
}

TEST(PageNotice, NamesAReportItCannotRead) {
    const nlohmann::json seen = evaluate_in(render::report_page("{\"meta\":"), R"(
        return { ready: document.documentElement.dataset.ready ?? null,
            notice: document.getElementById('error-notice')?.innerText ?? null };
    )");
    EXPECT_EQ(seen["ready"], nullptr);
    EXPECT_NE(seen["notice"], nullptr);
}

/// Should a name of somebody's ever become markup, the page's policy still keeps it from running.
TEST(PagePolicy, ScriptsAndStylesOfOthersAreRefused) {
    std::string page = render::report_page(usual_report().dump());
    page.insert(page.rfind("</body>"),
                "<script>document.documentElement.dataset.owned = 'yes'</script>"
                "<img src=x onerror=\"document.documentElement.dataset.owned = 'yes'\">"
                "<style>body { display: none }</style><p id=\"hidden\" style=\"display: none\">");
    const nlohmann::json seen = evaluate_in(page, R"(
        await new Promise((done) => setTimeout(done, 200)); // errors of images have been reported
        return { owned: document.documentElement.dataset.owned ?? null,
            body: getComputedStyle(document.body).display,
            paragraph: getComputedStyle(document.getElementById('hidden')).display,
            error: document.documentElement.dataset.error ?? '' };
    )");
    EXPECT_EQ(seen["owned"], nullptr);
    EXPECT_EQ(seen["body"], "block");
    EXPECT_EQ(seen["paragraph"], "block");
    EXPECT_THAT(seen["error"].get<std::string>(), HasSubstr("script-src"));
}

/// A part that the page can't make sense of is named, and the others are drawn.
TEST(PageNotice, OneBrokenPartLeavesTheOthers) {
    Json report = usual_report();
    report["timeline"] = {{"begin", 5},
                          {"step_ns", "x"},
                          {"states", {{"ESTABLISHED", 3}, {"CLOSE_WAIT", {1, nullptr, 2}}}}};
    report["services"][0]["endings"] = 7;
    report["transitions"].push_back(nullptr);
    report["ports"] = {nullptr};
    const nlohmann::json seen = evaluate_in(render::report_page(report.dump()), R"(
        return { ready: document.documentElement.dataset.ready,
            findings: document.querySelectorAll('.finding').length,
                 states: document.querySelectorAll('#states tbody tr').length };
    )");
    EXPECT_EQ(seen["ready"], "yes");
    EXPECT_EQ(seen["findings"], report["findings"].size());
    EXPECT_EQ(seen["states"], report["states"].size());
}

/// WCAG 2.1, success criterion 1.4.3: 4.5 for text.
TEST(PageColours, HaveContrastInLightAndDark) {
    const std::string measure = R"(
        const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        const luminance = (name) => {
            canvas.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
            canvas.fillRect(0, 0, 1, 1);
            const linear = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255)
                .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        };
        const contrast = (a, b) => {
            const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
            return (high + 0.05) / (low + 0.05);
        };
        const pairs = [];
        for (const ground of ['--page', '--card', '--faint'])
            for (const ink of ['--text', '--muted', '--link']) pairs.push([ink, ground]);
        for (const severity of ['--critical', '--warning', '--info', '--good'])
            pairs.push([severity, '--card'], [severity, severity + '-ground']);
        return { page: luminance('--page'), pairs: pairs.map(([ink, ground]) => [ink + ' on ' + ground,
            contrast(ink, ground)]) };
    )";
    const std::string page = render::report_page(empty_report().dump());
    const nlohmann::json light = evaluate_in(page, measure);
    const nlohmann::json dark = evaluate_in(page, measure, {.dark = true});
    EXPECT_THAT(dark["page"].get<double>(), Lt(0.1));
    EXPECT_THAT(light["page"].get<double>(), testing::Gt(0.8));
    for (const nlohmann::json& scheme : {light, dark})
        for (const nlohmann::json& pair : scheme["pairs"])
            EXPECT_THAT(pair[1].get<double>(), Ge(4.5))
                << pair[0] << (scheme == dark ? ", dark" : ", light");
}

TEST(PagePrinted, ThousandsOfServicesTakeSomePagesAndSeconds) {
    const Printed printed = print_page(render::report_page(huge_report().dump()));
    EXPECT_THAT(page_count(printed.pdf), Ge(5));
    EXPECT_THAT(page_count(printed.pdf), Le(11)); // the top of each table, not all of it
    EXPECT_THAT(printed.took, Lt(45s));
}

TEST(PagePrinted, AnOrdinaryReportTakesFewPages) {
    EXPECT_THAT(page_count(print_page(render::report_page(usual_report().dump())).pdf), Le(8));
    EXPECT_THAT(page_count(print_page(render::report_page(empty_report().dump())).pdf), Le(3));
}

/// What says the same again, or is explained elsewhere, isn't printed; the sysctls are.
TEST(PagePrinted, UnfoldsDetailsAndSaysWhatIsLeftOut) {
    const nlohmann::json seen = evaluate_in(render::report_page(huge_report().dump()), R"(
        const closed = () => document.querySelectorAll('details:not([open]):not(.screen-only)').length;
        const before = closed();
        window.dispatchEvent(new Event('beforeprint'));
        const during = closed();
        window.dispatchEvent(new Event('afterprint'));
        return { before, during, after: closed(),
                 note: document.querySelector('#services .status .print-only').textContent.replace(/\D/g, '') };
    )");
    EXPECT_THAT(seen["before"].get<int>(), Ge(1));
    EXPECT_EQ(seen["during"], 0);
    EXPECT_EQ(seen["after"], seen["before"]);
    EXPECT_EQ(seen["note"], "4975");
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Several hosts on one page: each is drawn as if it were alone, and can be found.
#include <gmock/gmock.h>

#include "browser.h"
#include "render/html.h"
#include "samples.h"

namespace tcpdwell::test {
namespace {

using ::testing::HasSubstr;

nlohmann::json look(const std::string& script, const View& view = {}) {
    return evaluate_in(render::report_page(hosts_report().dump()), script, view);
}

TEST(HostsPage, EachHostHasItsHeadAndSections) {
    const nlohmann::json seen = look(R"(
        const sections = (prefix) => [...document.querySelectorAll('main > section')].map((s) => s.id)
            .filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));
        return { title: document.title, heads: [...document.querySelectorAll('main h1')].map((h) => h.textContent),
                 first: sections('host1-'), second: sections('host2-'), last: document.querySelector('main').lastElementChild.id,
                 tiles: document.querySelectorAll('#host1 .tile').length,
                 services: document.querySelectorAll('#host1-services tbody tr').length };
    )");
    const nlohmann::json alone = evaluate_in(render::report_page(usual_report().dump()), R"(
        return { sections: [...document.querySelectorAll('main > section')].map((s) => s.id),
                 tiles: document.querySelectorAll('.tile').length,
                 services: document.querySelectorAll('#services tbody tr').length };
    )");
    EXPECT_EQ(seen["first"], alone["sections"]);
    EXPECT_EQ(seen["tiles"], alone["tiles"]);
    EXPECT_EQ(seen["services"], alone["services"]);
    EXPECT_EQ(seen["heads"],
              (nlohmann::json{"web-3.example.net", "</td><b>db", "Between the hosts"}));
    EXPECT_EQ(seen["last"], "both_ends-disagreements");
    EXPECT_FALSE(seen["second"].empty());
    EXPECT_THAT(seen["title"].get<std::string>(), HasSubstr("web-3.example.net, </td><b>db"));
}

TEST(HostsPage, NoIdIsThereTwiceAndEachLinkAndLabelLeadsSomewhere) {
    const nlohmann::json seen = look(R"(
        const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
        const there = new Set(ids);
        return { twice: ids.filter((id, i) => ids.indexOf(id) !== i),
                 nowhere: [...document.querySelectorAll('a[href]')].map((a) => a.getAttribute('href').slice(1))
                     .filter((id) => !there.has(id)),
                 unlabelled: [...document.querySelectorAll('[aria-labelledby]')]
                     .flatMap((e) => e.getAttribute('aria-labelledby').split(' ')).filter((id) => !there.has(id)),
                 contents: [...document.querySelectorAll('#contents a')].map((a) => a.textContent) };
    )");
    for (const char* none : {"twice", "nowhere", "unlabelled"})
        EXPECT_EQ(seen[none], nlohmann::json::array()) << none;
    EXPECT_EQ(seen["contents"],
              (nlohmann::json{"web-3.example.net", "</td><b>db", "Between the hosts"}));
}

TEST(HostsPage, TheEndsStandSideBySide) {
    const nlohmann::json seen = look(R"(
        const rows = (id) => [...document.querySelectorAll('#' + id + ' tbody tr')]
            .map((tr) => [...tr.cells].map((cell) => cell.textContent.replace(/\u202f/g, '')));
        const column = (id, text) => {
            const at = [...document.querySelectorAll('#' + id + ' thead tr')].at(-1).innerText.split(/\s*\t\s*/)
                .findIndex((title) => title === text);
            return [...document.querySelectorAll('#' + id + ' tbody tr')].map((tr) => tr.cells[at].textContent);
        };
        return { end: column('both_ends-disagreements', 'End'), host: column('both_ends-disagreements', 'Host'),
                 says: column('both_ends-disagreements', 'Closed first'), pairs: rows('both_ends-pairs'), served: rows('both_ends-servers'), disagreements: rows('both_ends-disagreements'),
                 help: document.querySelector('#both_ends-summary .help').textContent.replace(/\u202f/g, '') };
    )");
    EXPECT_EQ(seen["pairs"][0], (nlohmann::json{"web-3.example.net", "</td><b>db", "1017",
                                                "-2.500s", "3", "1", "2", "0"}));
    ASSERT_EQ(seen["served"].size(), 2u);
    EXPECT_EQ(seen["served"][0][2], "10.0.0.9:5432");
    EXPECT_EQ(seen["served"][0][4], "900");
    EXPECT_EQ(seen["served"][0][11], "81.0ms");
    ASSERT_EQ(seen["disagreements"].size(), 2u);
    EXPECT_EQ(seen["end"], (nlohmann::json{"client", "server"}));
    EXPECT_EQ(seen["host"], (nlohmann::json{"web-3.example.net", "</td><b>db"}));
    EXPECT_EQ(seen["says"], (nlohmann::json{"server", "client"}));
    EXPECT_THAT(seen["disagreements"][0].back().get<std::string>(),
                HasSubstr("ESTABLISHED 4.000s"));
    EXPECT_THAT(seen["help"].get<std::string>(), HasSubstr("1017 connections"));
}

TEST(HostsPage, OrdersInTheAddressAreThoseOfOneHost) {
    const nlohmann::json seen = look("return [...document.querySelectorAll('th[aria-sort]')]"
                                     ".map((th) => th.closest('table').id);",
                                     {.fragment = "sort=host1-services.connections"});
    EXPECT_EQ(seen, nlohmann::json::array({"host1-services-table"}));
}

} // namespace
} // namespace tcpdwell::test

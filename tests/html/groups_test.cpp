// SPDX-License-Identifier: Apache-2.0
// Long tables: rows that are alike are one row, with their sums, until somebody asks for them.
#include <gmock/gmock.h>

#include "browser.h"
#include "render/html.h"
#include "samples.h"

namespace tcpdwell::test {
namespace {

using ::testing::HasSubstr;

Json remote_row(const std::string& addr, int port, const std::string& comm, int connections) {
    return {{"remote", {{"addr", addr}, {"port", port}}},
            {"process", {{"pid", 100 + connections}, {"comm", comm}}},
            {"netns", 4026531840},
            {"connections", connections},
            {"closed_first",
             {{"local", connections}, {"remote", 0}, {"both", 0}, {"none", 0}, {"unknown", 0}}},
            {"endings", {{"fin", connections}}},
            {"time_wait", {{"now", 2}, {"peak", 5}, {"socket_seconds", 1.5}}}};
}

/// 250 hosts of one network, 60 of an IPv6 one, another program to some of the former, and one
/// alone.
Json crowd() {
    Json report = usual_report();
    Json rows = Json::array({remote_row("198.51.100.7", 5432, "app", 9'000)});
    for (int i = 1; i <= 250; ++i)
        rows.push_back(remote_row("10.1.2." + std::to_string(i), 443, "app", i));
    for (int i = 1; i <= 60; ++i)
        rows.push_back(remote_row("2001:db8::1:" + std::to_string(i), 443, "app", 1));
    for (int i = 1; i <= 5; ++i)
        rows.push_back(remote_row("10.1.2." + std::to_string(i), 443, "other", 1));
    report["remotes"] = rows;
    return report;
}

const std::string kRowsOfRemotes = R"(
    const rows = () => [...document.querySelectorAll('#remotes tbody tr')].map((tr) =>
        [...tr.cells].map((cell) => cell.innerText.replace(/\u202f/g, '').replace(/\s+/g, ' ').trim()));
    const status = () => document.querySelector('#remotes .status').textContent.replace(/\u202f/g, '');
    const column = (title) => [...[...document.querySelectorAll('#remotes thead tr')].at(-1).cells]
        .findIndex((th) => th.querySelector('button').textContent === title);
    const fold = (name) => [...document.querySelectorAll('#remotes .fold')].find((b) => b.textContent.includes(name));
    const values = (title) => rows().map((row) => row[column(title)]);
)";

nlohmann::json look_at(const Json& report, const std::string& script, const View& view = {}) {
    return evaluate_in(render::report_page(report.dump()), kRowsOfRemotes + script, view);
}

TEST(LikeRows, OfOneNetworkAndPortAreOneRowWithTheirSums) {
    const nlohmann::json seen = look_at(crowd(), R"(
        return { names: values('Remote server'), connections: values('Connections'), now: values('now'),
                 peak: values('peak'), endings: values('Endings'), process: values('Process'),
                 bars: document.querySelectorAll('#remotes .group .closed-bar').length, status: status() };
    )");
    EXPECT_EQ(seen["names"],
              (nlohmann::json{"198.51.100.7:5432", "10.1.2.0/24:443 250 alike",
                              "[2001:db8:0:0::/64]:443 60 alike", "10.1.2.0/24:443 5 alike"}));
    EXPECT_EQ(seen["connections"], (nlohmann::json{"9000", "31375", "60", "5"}));
    EXPECT_EQ(seen["now"], (nlohmann::json{"2", "500", "120", "10"}));
    EXPECT_EQ(seen["peak"], (nlohmann::json{"5", "–", "–", "–"})); // peaks of different times
    EXPECT_EQ(seen["endings"], (nlohmann::json{"fin 9000", "fin 31375", "fin 60", "fin 5"}));
    EXPECT_EQ(seen["process"], (nlohmann::json{"app 9100", "app", "app 101", "other 101"}));
    EXPECT_EQ(seen["bars"], 3);
    EXPECT_THAT(seen["status"].get<std::string>(), HasSubstr("315 of 316 rows are alike"));
}

TEST(LikeRows, UnfoldAndFoldWithTheKeyboardToo) {
    const nlohmann::json seen = look_at(crowd(), R"(
        const button = fold('2001');
        button.focus();
        button.click();
        const open = { rows: rows().length, names: values('Remote server').slice(2, 5),
                       expanded: fold('2001').ariaExpanded, focus: document.activeElement === fold('2001') };
        fold('2001').click();
        return { open, shut: rows().length, expanded: fold('2001').ariaExpanded };
    )");
    EXPECT_EQ(seen["open"]["rows"], 64);
    EXPECT_EQ(seen["open"]["names"],
              (nlohmann::json{"[2001:db8:0:0::/64]:443 60 alike", "[2001:db8::1:1]:443",
                              "[2001:db8::1:2]:443"}));
    EXPECT_EQ(seen["open"]["expanded"], "true");
    EXPECT_EQ(seen["open"]["focus"], true);
    EXPECT_EQ(seen["shut"], 4);
    EXPECT_EQ(seen["expanded"], "false");
}

TEST(LikeRows, AreSortedByTheirSumsAndFoundOneByOne) {
    const nlohmann::json seen = look_at(crowd(), R"(
        const button = document.querySelectorAll('#remotes thead tr:last-child th')[column('Connections')].querySelector('button');
        button.click();
        const sorted = values('Connections');
        const input = document.querySelector('#remotes input');
        input.value = '10.1.2.7';
        input.dispatchEvent(new Event('input'));
        const found = values('Remote server');
        input.value = '';
        input.dispatchEvent(new Event('input'));
        document.querySelector('#remotes .apart').click();
        return { sorted, found: found.sort(), apart: rows().length, first: values('Connections').slice(0, 2), status: status() };
    )");
    EXPECT_EQ(seen["sorted"], (nlohmann::json{"31375", "9000", "60", "5"}));
    EXPECT_EQ(seen["found"].size(), 11u); // 7, and 70 to 79
    EXPECT_EQ(seen["found"][0], "10.1.2.70:443");
    EXPECT_EQ(seen["apart"], 100);
    EXPECT_EQ(seen["first"], (nlohmann::json{"9000", "250"}));
    EXPECT_THAT(seen["status"].get<std::string>(), HasSubstr("100 of 316"));
}

TEST(LikeRows, OfManyNetworksAreOneRowByPort) {
    Json report = crowd();
    report["remotes"] = Json::array();
    for (int i = 0; i < 3'000; ++i)
        report["remotes"].push_back(
            remote_row("10." + std::to_string(i % 250) + "." + std::to_string(i / 250) + ".1",
                       i % 3 == 0 ? 80 : 443, "scanner", 1));
    const nlohmann::json seen =
        look_at(report, "return [values('Remote server'), values('Connections')];");
    EXPECT_EQ(seen[0],
              (nlohmann::json{"any host, port 80 1000 alike", "any host, port 443 2000 alike"}));
    EXPECT_EQ(seen[1], (nlohmann::json{"1000", "2000"}));
}

TEST(LikeRows, OfOneHostAreOneRowWhateverThePort) {
    Json report = crowd();
    report["remotes"] = Json::array();
    for (int i = 0; i < 300; ++i)
        report["remotes"].push_back(remote_row("10.9.9.9", 1'000 + i, "scanner", 1));
    const nlohmann::json seen = look_at(report, "return values('Remote server');");
    EXPECT_EQ(seen, nlohmann::json::array({"10.9.9.9, any port 300 alike"}));
}

TEST(LikeRows, AreLeftAsTheyAreWhereThereAreFew) {
    EXPECT_EQ(look_at(usual_report(), "return document.querySelectorAll('.fold').length;"), 0);
    Json report = crowd();
    for (Json& row : report["remotes"]) row["remote"] = {{"addr", nullptr}, {"port", nullptr}};
    EXPECT_EQ(look_at(report, "return document.querySelectorAll('.fold').length;"), 0);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "screen/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>

#include "screen/layout_parts.h"
#include "screen/text_fit.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using screen::Key;
using screen::ScreenStyle;
using testing::HasSubstr;

class LayoutTest : public testing::Test {
protected:
    LayoutTest() {
        for (tcp::Port port = 1; port <= 50; ++port) {
            screen::GroupRow row;
            row.key.service.role = tcp::Role::server;
            row.key.service.local.port = port;
            row.total.connections = port;
            data.services.push_back(row);
        }
    }
    screen::Layout lay_out() { return screen::lay_out(data, view, style); }
    void press(Key::Code code) { screen::press(view, {code, {}}, lay_out().extent); }
    [[nodiscard]] tcp::Port selected() {
        lay_out();
        return view.selected_key ? view.selected_key->service.local.port : tcp::Port{0};
    }
    static std::string text(const screen::ScreenLine& line) {
        std::string whole;
        for (const screen::Piece& piece : line) whole += piece.text;
        return whole;
    }
    std::string screen() {
        std::string whole;
        for (const auto& line : lay_out().lines) whole += text(line) + "\n";
        return whole;
    }

    screen::ScreenData data;
    screen::ViewState view;
    ScreenStyle style{{80, 24}, false};
};

TEST_F(LayoutTest, no_size_is_too_small_or_too_large) {
    for (std::size_t width = 0; width <= 300; width += width < 50 ? 1 : 50)
        for (std::size_t height = 1; height <= 100; height += height < 30 ? 1 : 35) {
            style.size = {width, height};
            for (const auto page :
                 {screen::ViewState::Page::table, screen::ViewState::Page::row,
                  screen::ViewState::Page::findings, screen::ViewState::Page::help}) {
                view.page = page;
                const screen::Layout layout = lay_out();
                ASSERT_LE(layout.lines.size(), height);
                for (const auto& line : layout.lines) ASSERT_LE(columns_of(line), width);
            }
        }
}

TEST_F(LayoutTest, who_stays_at_the_top_sees_what_comes_first) {
    EXPECT_EQ(selected(), 50);
    data.services[4].total.connections = 1000;
    EXPECT_EQ(selected(), 5);
}

TEST_F(LayoutTest, a_selected_row_is_followed) {
    press(Key::Code::down);
    EXPECT_EQ(selected(), 49);
    data.services[48].total.connections = 0;
    EXPECT_EQ(selected(), 49);
    EXPECT_EQ(view.selected, 49U);
    EXPECT_THAT(screen(), HasSubstr("0.0.0.0:49 "));
}

TEST_F(LayoutTest, the_selection_stays_within_the_rows) {
    press(Key::Code::end);
    EXPECT_EQ(selected(), 1);
    data.services.erase(data.services.begin(), data.services.begin() + 20);
    EXPECT_EQ(selected(), 21);
    data.services.clear();
    EXPECT_EQ(selected(), 0);
    EXPECT_THAT(screen(), HasSubstr("Nothing yet"));
}

TEST_F(LayoutTest, no_room_is_left_empty) {
    press(Key::Code::end);
    lay_out();
    style.size.height = 40;
    const auto rows_shown = lay_out().extent.rows_shown;
    EXPECT_EQ(view.selected - view.first_row + 1, rows_shown);
}

TEST_F(LayoutTest, an_old_finding_says_when_it_last_changed) {
    report::Finding finding{};
    finding.id = "close_wait_leak";
    finding.severity = report::Severity::critical;
    finding.what = "app has 7 sockets";
    data.findings = {{&finding, 59s}};
    EXPECT_THAT(screen(), HasSubstr("CRIT close_wait_leak: app has 7 sockets\n"));
    data.findings = {{&finding, 125s}};
    EXPECT_THAT(screen(), HasSubstr("CRIT close_wait_leak (last 2m 05s ago): app has 7 sockets\n"));
}

TEST_F(LayoutTest, losses_are_said) {
    EXPECT_THAT(screen(), HasSubstr("no event lost"));
    data.lost = 3;
    EXPECT_THAT(screen(), HasSubstr("3 EVENTS LOST"));
}

TEST_F(LayoutTest, a_row_that_is_gone_can_be_left) {
    press(Key::Code::enter);
    data.services.clear();
    EXPECT_THAT(screen(), HasSubstr("no longer known"));
    press(Key::Code::escape);
    EXPECT_THAT(screen(), HasSubstr("Nothing yet"));
}

TEST_F(LayoutTest, what_is_left_out_of_many_sockets_is_said) {
    view.table = screen::TableKind::connections;
    data.open.resize(2);
    data.sockets = 5;
    style.size.width = 120;
    EXPECT_THAT(screen(), HasSubstr("newest 2 of 5"));
}

TEST_F(LayoutTest, numbers_take_five_characters_at_most) {
    for (const auto& [number, text] : {std::pair(0.0, "0"),
                                       {0.25, "0.2"},
                                       {99.5, "99.5"},
                                       {120.4, "120"},
                                       {9999.0, "9999"},
                                       {12'345.0, "12.3k"},
                                       {999'499.0, "999k"},
                                       {4'560'000.0, "4.56M"},
                                       {2e10, "20.0G"}}) {
        EXPECT_EQ(screen::short_number(number), text);
        EXPECT_LE(screen::short_number(number).size(), 5U);
    }
}

} // namespace
} // namespace tcpdwell::test

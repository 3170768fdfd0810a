// SPDX-License-Identifier: Apache-2.0
#include "screen/view_state.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

using screen::Key;
using screen::KeyRequest;
using screen::TableKind;
using screen::ViewState;
using Code = Key::Code;
using What = KeyRequest::What;

class Keys : public testing::Test {
protected:
    KeyRequest key(Code code) { return press(view, {code, {}}, extent); }
    /// Each character as a key; what the last asked for.
    KeyRequest type(std::string_view text) {
        KeyRequest last;
        for (const char c : text) last = press(view, {Code::character, std::string(1, c)}, extent);
        return last;
    }

    ViewState view;
    screen::ViewExtent extent{
        .rows = 100, .rows_shown = 10, .lines = 30, .lines_shown = 20, .columns = 9};
};

TEST_F(Keys, quit) {
    EXPECT_EQ(type("q").what, What::quit);
    EXPECT_EQ(type("Q").what, What::quit);
    EXPECT_EQ(key(Code::interrupt).what, What::quit);
    EXPECT_EQ(key(Code::closed).what, What::quit);
}

TEST_F(Keys, ctrl_c_and_a_closed_terminal_quit_while_a_filter_is_typed) {
    type("/");
    EXPECT_EQ(key(Code::interrupt).what, What::quit);
    EXPECT_EQ(key(Code::closed).what, What::quit);
}

TEST_F(Keys, choose_tables_in_a_circle) {
    EXPECT_EQ(view.table, TableKind::services);
    key(Code::tab);
    EXPECT_EQ(view.table, TableKind::programs);
    key(Code::back_tab);
    key(Code::back_tab);
    EXPECT_EQ(view.table, TableKind::connections);
    key(Code::tab);
    EXPECT_EQ(view.table, TableKind::services);
    type("4");
    EXPECT_EQ(view.table, TableKind::ports);
    type("6");
    EXPECT_EQ(view.table, TableKind::ports);
}

TEST_F(Keys, another_table_begins_at_its_top) {
    key(Code::page_down);
    key(Code::tab);
    EXPECT_EQ(view.selected, 0U);
    EXPECT_FALSE(view.follows);
}

TEST_F(Keys, move_the_selection_within_the_rows) {
    key(Code::up);
    EXPECT_EQ(view.selected, 0U);
    type("jj");
    key(Code::down);
    EXPECT_EQ(view.selected, 3U);
    type("k");
    EXPECT_EQ(view.selected, 2U);
    key(Code::page_down);
    EXPECT_EQ(view.selected, 12U);
    key(Code::end);
    EXPECT_EQ(view.selected, 99U);
    key(Code::page_down);
    EXPECT_EQ(view.selected, 99U);
    key(Code::page_up);
    EXPECT_EQ(view.selected, 89U);
    key(Code::home);
    EXPECT_EQ(view.selected, 0U);
    extent.rows = 0;
    key(Code::down);
    EXPECT_EQ(view.selected, 0U);
}

TEST_F(Keys, a_row_is_followed_but_not_from_the_top) {
    key(Code::down);
    EXPECT_TRUE(view.follows);
    key(Code::up);
    EXPECT_FALSE(view.follows);
}

TEST_F(Keys, sort_by_any_column) {
    view.sort() = {0, true};
    type(">");
    EXPECT_EQ(view.sort().column, 1U);
    type("s");
    EXPECT_EQ(view.sort().column, 2U);
    EXPECT_FALSE(view.sort().ascending) << "numbers: the largest first";
    type("<<<");
    EXPECT_EQ(view.sort().column, extent.columns - 1);
    type(">");
    EXPECT_EQ(view.sort().column, 0U);
    EXPECT_TRUE(view.sort().ascending) << "texts: as in a dictionary";
    type("r");
    EXPECT_FALSE(view.sort().ascending);
}

TEST_F(Keys, each_table_keeps_its_order) {
    const std::size_t services = view.sort().column;
    key(Code::tab);
    type(">>");
    key(Code::back_tab);
    EXPECT_EQ(view.sort().column, services);
}

TEST_F(Keys, type_a_filter) {
    type("/q 1\xc3\xa4");
    EXPECT_EQ(view.filter, "q 1\xc3\xa4");
    EXPECT_TRUE(view.is_typing);
    key(Code::backspace);
    EXPECT_EQ(view.filter, "q 1") << "a character, not a byte";
    key(Code::enter);
    EXPECT_FALSE(view.is_typing);
    EXPECT_EQ(view.filter, "q 1");
    key(Code::escape);
    EXPECT_EQ(view.filter, "");
    type("/x");
    key(Code::escape);
    EXPECT_EQ(view.filter, "");
    EXPECT_FALSE(view.is_typing);
}

TEST_F(Keys, a_filter_has_an_end) {
    type("/" + std::string(1000, 'x'));
    EXPECT_EQ(view.filter.size(), 200U);
}

TEST_F(Keys, pages_come_and_go) {
    type("?");
    EXPECT_EQ(view.page, ViewState::Page::help);
    key(Code::page_down);
    EXPECT_EQ(view.first_line, 10U) << "no further than the last line";
    type("h");
    EXPECT_EQ(view.page, ViewState::Page::table);
    key(Code::help);
    EXPECT_EQ(view.page, ViewState::Page::help);
    key(Code::escape);
    EXPECT_EQ(view.page, ViewState::Page::table);
    type("f");
    EXPECT_EQ(view.page, ViewState::Page::findings);
    type("/");
    EXPECT_EQ(view.page, ViewState::Page::table) << "where the filter is seen";
}

TEST_F(Keys, enter_opens_the_selected_row) {
    key(Code::enter);
    EXPECT_EQ(view.page, ViewState::Page::table) << "nothing is selected";
    screen::RowKey row;
    row.connection = 7;
    view.selected_key = row;
    key(Code::enter);
    EXPECT_EQ(view.page, ViewState::Page::row);
    EXPECT_EQ(view.opened, row);
    key(Code::escape);
    EXPECT_EQ(view.page, ViewState::Page::table);
}

TEST_F(Keys, freeze_and_go_on) {
    type(" ");
    EXPECT_TRUE(view.is_frozen);
    type(" ");
    EXPECT_FALSE(view.is_frozen);
}

TEST_F(Keys, ask_others) {
    EXPECT_EQ(type("z").what, What::restart);
    EXPECT_EQ(key(Code::redraw).what, What::redraw);
    EXPECT_EQ(key(Code::right).what, What::seek);
    EXPECT_EQ(key(Code::right).amount, 10);
    EXPECT_EQ(key(Code::left).amount, -10);
    EXPECT_EQ(type("+").amount, 1);
    EXPECT_EQ(type("-").what, What::faster);
    EXPECT_EQ(type("-").amount, -1);
    EXPECT_EQ(type("x").what, What::nothing);
    EXPECT_EQ(key(Code::resized).what, What::nothing);
}

} // namespace
} // namespace tcpdwell::test

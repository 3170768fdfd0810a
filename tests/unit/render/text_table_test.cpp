// SPDX-License-Identifier: Apache-2.0
#include "render/text_table.h"

#include <gtest/gtest.h>

#include "rows.h"

namespace tcpdwell::test {
namespace {

std::string text_of(const render::TextTable& table, std::size_t indent = 0) {
    std::string out;
    table.append_to(out, indent);
    return out;
}

TEST(TextTable, aligns_left_and_right_and_ends_no_line_in_spaces) {
    render::TextTable table({{"NAME", 6, report::Align::left},
                             {"N", 4, report::Align::right},
                             {"", 0, report::Align::left}},
                            false);
    table.add({render::plain_cell("a"), render::plain_cell("1"), render::plain_cell("")});
    table.add({render::plain_cell("bb"), render::plain_cell("22"), render::plain_cell("note")});
    EXPECT_EQ(text_of(table), "NAME      N\n"
                              "a         1\n"
                              "bb       22 note\n");
    EXPECT_EQ(text_of(table, 2), "  NAME      N\n"
                                 "  a         1\n"
                                 "  bb       22 note\n");
    EXPECT_EQ(table.width(), 16u);
}

TEST(TextTable, a_column_grows_with_its_widest_cell) {
    render::TextTable table({{"A", 2, report::Align::left}, {"LONG", 1, report::Align::right}},
                            false);
    table.add({render::plain_cell("wide one"), render::plain_cell("1")});
    table.add({render::plain_cell("b"), render::plain_cell("12345")});
    EXPECT_EQ(text_of(table), "A         LONG\n"
                              "wide one     1\n"
                              "b        12345\n");
    EXPECT_EQ(table.width(), 14u);
}

TEST(TextTable, empty_cells_keep_their_room) {
    render::TextTable table({{"A", 3, report::Align::left},
                             {"B", 3, report::Align::right},
                             {"C", 3, report::Align::left}},
                            false);
    table.add({render::plain_cell(""), render::plain_cell(""), render::plain_cell("c")});
    EXPECT_EQ(text_of(table), "A     B C\n"
                              "        c\n");
}

TEST(TextTable, colours_take_no_room) {
    render::TextTable table({{"STATE", 11, report::Align::left}, {"N", 2, report::Align::right}},
                            true);
    table.add({render::text_cell(tcp::State::FIN_WAIT1, true), render::plain_cell("7")});
    std::string text = text_of(table);
    for (auto begin = text.find('\x1b'); begin != std::string::npos;
         begin = text.find('\x1b', begin))
        text.erase(begin, text.find('m', begin) - begin + 1);
    EXPECT_EQ(text, "STATE        N\n"
                    "FIN_WAIT1    7\n");
}

TEST(TextTable, a_character_of_several_bytes_is_one_wide) {
    render::TextTable table({{"NAME", 4, report::Align::left}, {"N", 1, report::Align::right}},
                            false);
    table.add({render::text_cell(std::string_view("é"), false), render::plain_cell("1")});
    EXPECT_EQ(text_of(table), "NAME N\n"
                              "é    1\n");
}

constexpr report::Column kColumns[] = {{.id = "who", .title = "WHO", .help = "Who."},
                                       {.id = "held", .title = "HELD", .help = "Numbers."}};
constexpr report::TableView kView[] = {{"held.now", "NOW", "Now.", 3},
                                       {"held.peak", "PEAK", "At most.", 5},
                                       {"held.area", "AREA", "Not reported.", 4},
                                       {"who", "WHO", "Who.", 3, report::Align::left},
                                       {"gone", "GONE", "No such column.", 4, report::Align::left}};

TEST(AppendTable, shows_parts_of_cells_in_the_order_of_the_view) {
    const report::NumberPart parts[] = {{"now", std::int64_t{3}}, {"peak", 4.5}};
    report::Table table{kColumns, kView, {}};
    table.rows.push_back({std::string_view("me"), std::span<const report::NumberPart>(parts)});
    table.rows.push_back({report::Value(), report::Value()});
    std::string out;
    render::append_table(out, table, {});
    EXPECT_EQ(out, "NOW  PEAK AREA WHO GONE\n"
                   "  3   4.5    0 me  -\n"
                   "  -     -    - -   -\n");
}

TEST(AppendTable, leaves_out_rows_and_says_so) {
    report::Table table{kColumns, kView, {}};
    for (int i = 0; i < 5; ++i) table.rows.push_back({std::int64_t{i}, report::Value()});
    std::string out;
    render::append_table(out, table, {.rows = 3});
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1 + 3 + 1);
    EXPECT_NE(out.find("(2 more;"), std::string::npos);
}

TEST(AppendTable, a_column_below_stands_under_its_row_in_lines_that_fit) {
    constexpr report::TableView view[] = {{"who", "WHO", "Who.", 3, report::Align::left},
                                          {"held", "", "", 0, report::Align::left, true}};
    report::Table table{kColumns, view, {}};
    std::string words;
    for (int i = 0; i < 40; ++i) words += "word ";
    table.rows.push_back({std::string_view("me"), std::string_view(words)});
    table.rows.push_back({std::string_view("you"), std::string_view("few words")});
    std::string out;
    render::append_table(out, table, {.width = 80});
    EXPECT_TRUE(out.starts_with("WHO\nme\n    word word")) << out;
    EXPECT_TRUE(out.ends_with("word\nyou\n    few words\n")) << out;
    for (std::size_t begin = 0, end = 0; (end = out.find('\n', begin)) != std::string::npos;
         begin = end + 1)
        EXPECT_LE(end - begin, 80u);
}

} // namespace
} // namespace tcpdwell::test

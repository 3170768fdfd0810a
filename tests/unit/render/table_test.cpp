// SPDX-License-Identifier: Apache-2.0
// Tables: alignment, human forms, colours, and that nothing hostile reaches the terminal.
#include <gtest/gtest.h>

#include <iterator>
#include <sstream>

#include <cstdlib>
#include <ctime>

#include "rows.h"

namespace tcpdwell::test {
namespace {

constexpr std::string_view kTableHeading =
    "TIME            CONN      COUNT LOCAL         REMOTE           STATE         DWELL PROCESS   "
    "ENDING     TIME_WAIT      STATES\n";

/// Local time is UTC in these tests, unless they say otherwise.
class TableTest : public ::testing::Test {
protected:
    void SetUp() override { set_zone("UTC"); }
    void TearDown() override { set_zone("UTC"); }

    static void set_zone(const char* zone) {
        setenv("TZ", zone, 1);
        tzset();
    }

    /// The rows without the heading, which is checked.
    static std::string body(const std::vector<std::vector<report::Value>>& rows) {
        const std::string text = rendered(render::Format::table, kKinds, rows);
        EXPECT_EQ(text.substr(0, kTableHeading.size()), kTableHeading);
        return text.substr(kTableHeading.size());
    }
};

TEST_F(TableTest, EveryKindOfValue) {
    EXPECT_EQ(body({full_row()}),
              "12:34:56.123456 0000beef    -42 10.0.0.1:443  [2001:db8::1]:50123 FIN_WAIT1    "
              "3.05ms 1234/nginx fin        "
              "60.42s,expired SYN_SENT:41.2us>ESTABLISHED:->TIME_WAIT:60.42s\n");
}

TEST_F(TableTest, WhatIsNotKnown) {
    EXPECT_EQ(body({null_row()}), "-               -             - -             -                "
                                  "-                 - -         -          -     "
                                  "         -\n");
    EXPECT_EQ(body({half_row()}), "-               0             - 10.0.0.1:*    *:*              "
                                  "-                 - 7         -          -"
                                  ",reused,restarts=2 -\n");
}

TEST_F(TableTest, HostileTextIsHarmless) {
    EXPECT_EQ(
        body({hostile_row()}),
        "12:34:56.123456 0000beef    -42 10.0.0.1:443  [2001:db8::1]:50123 FIN_WAIT1    3.05ms "
        "66/a\"b,\\x0a\\x1b[2J\\xff\xc3\xa9 \\xc2\\x9b\\xe2\\x80\\xae\\\\xe2\\x82 "
        "60.42s,expired SYN_SENT:41.2us>ESTABLISHED:->TIME_WAIT:60.42s\n");
}

TEST_F(TableTest, CharactersCountNotBytes) {
    std::vector<report::Value> row = null_row();
    row[7] = report::ProcessValue{1, "\xc3\xa9\xc3\xa9\xc3\xa9"}; // 5 characters in a column of 9
    EXPECT_NE(body({row}).find(" 1/\xc3\xa9\xc3\xa9\xc3\xa9     -          -"), std::string::npos);
}

TEST_F(TableTest, TheSchemaChoosesColumnsAndTheirOrder) {
    EXPECT_EQ(rendered(render::Format::table, kFew, {full_row(), null_row()}),
              "STATE       TIME\n"
              "FIN_WAIT1   12:34:56.123456\n"
              "-           -\n");
}

TEST_F(TableTest, TimesAreLocal) {
    set_zone("XYZ-05:30"); // POSIX: east of Greenwich
    EXPECT_EQ(rendered(render::Format::table, kFew, {full_row()}),
              "STATE       TIME\nFIN_WAIT1   18:04:56.123456\n");
}

TEST_F(TableTest, RestartsAreCounted) {
    std::vector<report::Value> row = null_row();
    row[9] = report::TimeWaitValue{Nanoseconds(1'500'000'000), tcp::TimeWaitEnd::killed, 1};
    EXPECT_NE(body({row}).find(" 1.500s,killed,restarts=1 -\n"), std::string::npos);
}

/// As many fields as columns, whatever a process is called.
TEST_F(TableTest, ACellIsOneWord) {
    std::vector<report::Value> row = full_row();
    row[6] = Nanoseconds(123'000'000'000);
    row[7] = report::ProcessValue{7, " Web  Content"};
    row[8] = std::string_view("a b");
    const std::string line = body({row});
    EXPECT_NE(line.find(" 2m03s 7/\\x20Web\\x20\\x20Content "), std::string::npos) << line;
    std::istringstream words(line);
    const auto count = std::distance(std::istream_iterator<std::string>(words),
                                     std::istream_iterator<std::string>());
    EXPECT_EQ(count, std::ptrdiff_t{std::size(kKindColumns)}) << line;
}

/// The columns behind a long cell stand below each other from then on.
TEST_F(TableTest, AColumnGrowsWithItsCells) {
    std::vector<report::Value> wide = null_row();
    wide[4] = report::EndpointValue{endpoint("2001:db8:1111:2222:3333:4444:5555:6666", 50123),
                                    tcp::Family::ipv6};
    const std::string lines = body({wide, full_row()});
    const std::string second = lines.substr(lines.find('\n') + 1);
    EXPECT_EQ(second.find("FIN_WAIT1"), 15 + 1 + 8 + 1 + 6 + 1 + 13 + 1 + 46 + 1u) << lines;
}

TEST_F(TableTest, OnATerminalCellsAreCutAndSaySo) {
    std::vector<report::Value> row = full_row();
    row[7] = report::ProcessValue{1234, "a-very-long-name-that-goes-on"};
    const std::string table =
        rendered(render::Format::table, kKinds, {row}, {.width = 110, .unicode = true});
    EXPECT_NE(table.find(" 1234/a-v\xe2\x80\xa6 "), std::string::npos) << table;
    EXPECT_NE(rendered(render::Format::table, kKinds, {row}, {.width = 110, .unicode = false})
                  .find(" 1234/a-v~ "),
              std::string::npos);
    // Colours stay as they are.
    const std::string coloured =
        rendered(render::Format::table, kKinds, {row}, {.colour = true, .width = 200});
    EXPECT_NE(coloured.find("\x1b[33mFIN_WAIT1\x1b[0m"), std::string::npos);
}

TEST_F(TableTest, RowsOfAnotherSchemaAreNotices) {
    render::Output out(-1);
    const auto renderer = make_renderer(render::Format::table, out, {});
    renderer->begin(kFew);
    const std::vector<render::MetaEntry> meta = {{"host", "\"a\""}};
    renderer->meta(meta);
    renderer->row(kLost, kLostRow);
    renderer->row(kFew, full_row());
    EXPECT_EQ(out.buffer(), "STATE       TIME\n"
                            "-- lost: time 12:34:56.123456, events 5 --\n"
                            "FIN_WAIT1   12:34:56.123456\n");
}

TEST_F(TableTest, ColoursTakeNoRoom) {
    EXPECT_EQ(rendered(render::Format::table, kFew, {full_row()}, {.colour = true}),
              "\x1b[1mSTATE\x1b[0m       \x1b[1mTIME\x1b[0m\n"
              "\x1b[33mFIN_WAIT1\x1b[0m   12:34:56.123456\n");
    render::Output out(-1);
    make_renderer(render::Format::table, out, {.colour = true})->row(kLost, kLostRow);
    EXPECT_EQ(out.buffer(), "\x1b[31m-- lost: time 12:34:56.123456, events 5 --\x1b[0m\n");
}

TEST_F(TableTest, EveryStateHasItsColour) {
    const std::pair<tcp::State, std::string> kColours[] = {
        {tcp::State::SYN_SENT, "36"},    {tcp::State::SYN_RECV, "36"},
        {tcp::State::ESTABLISHED, "32"}, {tcp::State::FIN_WAIT1, "33"},
        {tcp::State::FIN_WAIT2, "33"},   {tcp::State::CLOSING, "33"},
        {tcp::State::CLOSE_WAIT, "33"},  {tcp::State::LAST_ACK, "33"},
        {tcp::State::TIME_WAIT, "35"},   {tcp::State::CLOSE, "2"},
        {tcp::State::LISTEN, "34"},
    };
    static_assert(std::size(kColours) == kAllOf<tcp::State>.size());
    for (const auto& [state, sgr] : kColours) {
        std::vector<report::Value> row = null_row();
        row[5] = state;
        const std::string coloured = "\x1b[" + sgr + "m" + std::string(name(state)) + "\x1b[0m";
        EXPECT_NE(rendered(render::Format::table, kFew, {row}, {.colour = true}).find(coloured),
                  std::string::npos)
            << name(state);
        EXPECT_EQ(rendered(render::Format::table, kFew, {row}).find('\x1b'), std::string::npos);
    }
}

TEST_F(TableTest, BadEndingsAreRed) {
    std::vector<report::Value> row = null_row();
    const auto table_of = [&row](std::string_view ending) {
        row[8] = ending;
        return rendered(render::Format::table, kKinds, {row}, {.colour = true});
    };
    EXPECT_NE(table_of("reset_received").find("\x1b[31mreset_received\x1b[0m"), std::string::npos);
    EXPECT_NE(table_of("timed_out").find("\x1b[31mtimed_out\x1b[0m"), std::string::npos);
    for (const char* ending : {"fin", "open", "unknown", ""}) {
        EXPECT_EQ(table_of(ending).find("\x1b[31m"), std::string::npos) << ending;
    }
}

} // namespace
} // namespace tcpdwell::test

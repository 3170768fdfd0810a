// SPDX-License-Identifier: Apache-2.0
// CSV: a row has as many fields as the heading whatever is known, and is one line whatever it says.
#include <gtest/gtest.h>

#include <algorithm>

#include "rows.h"

namespace tcpdwell::test {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kHeading =
    "time,conn,count,local_addr,local_port,remote_addr,remote_port,state,dwell_ns,"
    "process_pid,process_comm,ending,time_wait_dwell_ns,time_wait_end,time_wait_restarts,states\n";

/// The rows without the heading, which is checked.
std::string body(const std::vector<std::vector<report::Value>>& rows) {
    const std::string text = rendered(render::Format::csv, kKinds, rows);
    EXPECT_EQ(text.substr(0, kHeading.size()), kHeading);
    return text.substr(kHeading.size());
}

TEST(Csv, EveryKindOfValue) {
    EXPECT_EQ(
        body({full_row()}),
        "2026-11-21T12:34:56.123456789Z,0000beef,-42,10.0.0.1,443,2001:db8::1,50123,FIN_WAIT1,"
        "3050000,1234,nginx,fin,60420000000,expired,0,"
        "SYN_SENT:41234;ESTABLISHED:;TIME_WAIT:60420000000\n");
}

TEST(Csv, WhatIsNotKnownIsEmpty) {
    EXPECT_EQ(body({null_row()}), ",,,,,,,,,,,,,,,\n");
    EXPECT_EQ(body({half_row()}), ",0,,10.0.0.1,,,,,,7,,,,reused,2,\n");
}

TEST(Csv, HostileTextIsQuotedAndStaysOnItsLine) {
    EXPECT_EQ(
        body({hostile_row()}),
        "2026-11-21T12:34:56.123456789Z,0000beef,-42,10.0.0.1,443,2001:db8::1,50123,FIN_WAIT1,"
        "3050000,66,\"a\"\"b,\\x0a\\x1b[2J\\xff\xc3\xa9\",\\xc2\\x9b\\xe2\\x80\\xae\\\\xe2\\x82,"
        "60420000000,expired,0,SYN_SENT:41234;ESTABLISHED:;TIME_WAIT:60420000000\n");
}

/// A spreadsheet would take it for a formula.
TEST(Csv, TextIsNoFormulaAndNumbersStayNumbers) {
    static constexpr report::Column columns[] = {{.id = "text", .title = "TEXT", .help = "Text."}};
    static constexpr report::Schema schema = {"texts", columns};
    const auto cell = [](const report::Value& value) {
        const std::string text = rendered(render::Format::csv, schema, {{value}});
        return text.substr(text.find('\n') + 1);
    };
    EXPECT_EQ(cell("=1+2"sv), "'=1+2\n");
    EXPECT_EQ(cell("+1"sv), "'+1\n");
    EXPECT_EQ(cell("-1"sv), "'-1\n");
    EXPECT_EQ(cell("@SUM(1,\"2\")"sv), "\"'@SUM(1,\"\"2\"\")\"\n");
    EXPECT_EQ(cell("a=1"sv), "a=1\n");
    EXPECT_EQ(cell(std::int64_t{-1}), "-1\n");
    EXPECT_EQ(cell(-1.5), "-1.500\n");
    EXPECT_EQ(cell(Nanoseconds(-1)), "-1\n");
    EXPECT_EQ(cell(report::ProcessValue{7, "=cmd"}).substr(0, 9), "7,'=cmd\n");
}

TEST(Csv, ACellOfPartsIsQuotedAsAWhole) {
    static constexpr report::Column columns[] = {{.id = "text", .title = "TEXT", .help = "Text."}};
    static constexpr report::Schema schema = {"texts", columns};
    const std::vector<report::TextPart> parts{{"a", "x,\"y\""}, {"b", "z"}};
    const report::Value value = std::span<const report::TextPart>(parts);
    EXPECT_EQ(rendered(render::Format::csv, schema, {{value}}), "text\n\"a=x,\"\"y\"\";b=z\"\n");
}

TEST(Csv, OneHeadingForAllRows) {
    const std::string text = body({null_row(), half_row(), null_row()});
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST(Csv, RowsOfAnotherSchemaAndMetaAreLeftOut) {
    render::Output out(-1);
    const auto renderer = make_renderer(render::Format::csv, out, {});
    renderer->begin(kKinds);
    const std::vector<render::MetaEntry> meta = {{"host", "\"a\""}};
    renderer->meta(meta);
    renderer->row(kLost, kLostRow);
    EXPECT_EQ(out.buffer(), kHeading);
}

} // namespace
} // namespace tcpdwell::test

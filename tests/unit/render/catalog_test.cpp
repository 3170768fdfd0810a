// SPDX-License-Identifier: Apache-2.0
// Every format has a name and a renderer.
#include <gtest/gtest.h>

#include "rows.h"

namespace tcpdwell::test {
namespace {

TEST(Formats, ByName) {
    EXPECT_EQ(format_from_name("table"), Format::table);
    EXPECT_EQ(format_from_name("jsonl"), Format::jsonl);
    EXPECT_EQ(format_from_name("csv"), Format::csv);
    EXPECT_EQ(format_from_name("json"), std::nullopt);
    EXPECT_EQ(format_from_name(""), std::nullopt);
}

TEST(Formats, EachHasItsRenderer) {
    EXPECT_EQ(rendered(Format::table, kFew, {}), "STATE       TIME\n");
    EXPECT_EQ(rendered(Format::jsonl, kFew, {}), "");
    EXPECT_TRUE(rendered(Format::csv, kFew, {}).starts_with("time,conn,count,"));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Every format has a name and a renderer.
#include <gtest/gtest.h>

#include "rows.h"

namespace tcpdwell::test {
namespace {

TEST(Formats, ByName) {
    EXPECT_EQ(render::format_from_name("table"), render::Format::table);
    EXPECT_EQ(render::format_from_name("jsonl"), render::Format::jsonl);
    EXPECT_EQ(render::format_from_name("csv"), render::Format::csv);
    EXPECT_EQ(render::format_from_name("json"), std::nullopt);
    EXPECT_EQ(render::format_from_name(""), std::nullopt);
}

TEST(Formats, EachHasItsRenderer) {
    EXPECT_EQ(rendered(render::Format::table, kFew, {}), "STATE       TIME\n");
    EXPECT_EQ(rendered(render::Format::jsonl, kFew, {}), "");
    EXPECT_TRUE(rendered(render::Format::csv, kFew, {}).starts_with("time,conn,count,"));
}

} // namespace
} // namespace tcpdwell::test

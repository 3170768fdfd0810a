// SPDX-License-Identifier: Apache-2.0
// Every format has a name and a renderer.
#include <gtest/gtest.h>

#include "rows.h"

namespace tcpdwell::test {
namespace {

TEST(Formats, ByName) {
    EXPECT_EQ(from_word<render::Format>("table"), render::Format::table);
    EXPECT_EQ(from_word<render::Format>("jsonl"), render::Format::jsonl);
    EXPECT_EQ(from_word<render::Format>("csv"), render::Format::csv);
    EXPECT_EQ(from_word<render::Format>("json"), render::Format::json);
    EXPECT_EQ(from_word<render::Format>("text"), std::nullopt);
    EXPECT_EQ(from_word<render::Format>(""), std::nullopt);
}

TEST(Formats, EachHasItsRenderer) {
    EXPECT_EQ(rendered(render::Format::table, kFew, {}), "STATE       TIME\n");
    EXPECT_EQ(rendered(render::Format::jsonl, kFew, {}), "");
    EXPECT_EQ(rendered(render::Format::json, kFew, {}), "[\n]\n");
    EXPECT_TRUE(rendered(render::Format::csv, kFew, {}).starts_with("time,conn,count,"));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "render/json_writer.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

TEST(JsonString, is_json_whatever_the_bytes) {
    EXPECT_EQ(render::json_string("6.1.0-amd64"), "\"6.1.0-amd64\"");
    EXPECT_EQ(render::json_string(""), "\"\"");
    EXPECT_EQ(render::json_string("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\n\\u0001\"");
    EXPECT_EQ(render::json_string("h\xc3\xb6st"), "\"h\xc3\xb6st\"");
    EXPECT_EQ(render::json_string("h\xf6st"), "\"h\xef\xbf\xbdst\"");
}

} // namespace
} // namespace tcpdwell::test

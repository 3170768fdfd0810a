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

TEST(JsonString, is_json_as_a_key_too) {
    render::JsonWriter json;
    json.begin_object();
    json.key("net.\xff\"\xc2\x9b");
    json.string("\x1b");
    json.end_object();
    EXPECT_EQ(json.view(), "{\"net.\xef\xbf\xbd\\\"\\u009B\":\"\\u001B\"}");
}

} // namespace
} // namespace tcpdwell::test

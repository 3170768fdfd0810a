// SPDX-License-Identifier: Apache-2.0
// Foreign bytes: what passes, what is escaped for a terminal, what is replaced for JSON.
#include "base/text.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

std::string replaced(std::string_view bytes) {
    std::string text;
    append_json_string(text, bytes);
    return text.substr(1, text.size() - 2);
}

std::string as_json(std::string_view bytes) {
    std::string out;
    append_json_string(out, bytes);
    return out;
}

TEST(Printable, TextPasses) {
    for (const auto text :
         {""sv, "nginx: worker"sv, "a\\b"sv, "\xc3\xa9"sv, "\xe6\xbc\xa2\xe5\xad\x97"sv,
          "\xf0\x9f\x90\xa7"sv, "\xc2\xa0"sv, "\xf4\x8f\xbf\xbf"sv}) {
        EXPECT_EQ(printable(text), text);
    }
}

TEST(Printable, ControlsAreEscaped) {
    EXPECT_EQ(printable("\x1b[31m"), "\\x1b[31m");
    EXPECT_EQ(printable("a\0b\n\r\t\x7f"sv), "a\\x00b\\x0a\\x0d\\x09\\x7f");
    EXPECT_EQ(printable("\xc2\x9bK"), "\\xc2\\x9bK"); // CSI as a C1 control
    EXPECT_EQ(printable("\xc2\x80"), "\\xc2\\x80");
    EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8"); // line separator
    for (const auto text : {"\xe2\x80\x8e"sv, "\xe2\x80\xaa"sv, "\xe2\x80\xae"sv, "\xe2\x81\xa6"sv,
                            "\xe2\x81\xa9"sv, "\xd8\x9c"sv}) {
        EXPECT_EQ(printable(text).find(text), std::string::npos); // direction of writing
    }
}

TEST(Printable, FaultyBytesAreEscaped) {
    EXPECT_EQ(printable("a\xff\x80z"), "a\\xff\\x80z");
    EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");
}

TEST(Printable, CountsCharacters) {
    std::string out = "before";
    EXPECT_EQ(append_printable(out, "a\xc3\xa9\xff\x1b"), 10u);
    EXPECT_EQ(out, "beforea\xc3\xa9\\xff\\x1b");
}

TEST(JsonText, TextPasses) {
    for (const auto& text : {"nginx"s, "\xc3\xa9\xf0\x9f\x90\xa7"s, ""s, "/"s, "\xc2\xa0"s})
        EXPECT_EQ(as_json(text), '"' + text + '"');
}

TEST(JsonText, WhatWouldDoSomethingIsEscaped) {
    EXPECT_EQ(as_json("a\"b\\c\n\t\r\b\f\x01\x1b"), R"("a\"b\\c\n\t\r\b\f\u0001\u001B")");
    EXPECT_EQ(as_json("a\0b\x7f"sv), R"("a\u0000b\u007F")");
    EXPECT_EQ(as_json("\xc2\x9bK"), R"("\u009BK")");
    EXPECT_EQ(as_json("\xe2\x80\xa8\xe2\x80\xae"), R"("\u2028\u202E")");
}

/// Each value of a byte at each place of short and long texts, eight of which are looked at at
/// once.
TEST(PlainInJson, IsWhatNeedsNoEscape) {
    for (const std::size_t size : {1U, 3U, 4U, 5U, 7U, 8U, 9U, 16U, 19U}) {
        for (std::size_t at = 0; at < size; ++at) {
            for (int value = 0; value < 256; ++value) {
                std::string text(size, '~');
                text[at] = static_cast<char>(value);
                EXPECT_EQ(is_plain_in_json(text), as_json(text) == '"' + text + '"')
                    << value << " at " << at << " of " << size;
            }
        }
    }
    EXPECT_TRUE(is_plain_in_json(""));
}

/// One U+FFFD per longest piece that could have become a character: the example of Unicode, table
/// 3-8, and its rules.
TEST(JsonText, FaultySequencesAreReplaced) {
    const std::string r(kReplacement);
    EXPECT_EQ(replaced("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"),
              "a" + r + r + r + "b" + r + "c" + r + r + "d");
    EXPECT_EQ(replaced("\xc0\xaf"), r + r);                 // overlong
    EXPECT_EQ(replaced("\xe0\x80\xaf"), r + r + r);         // overlong
    EXPECT_EQ(replaced("\xed\xa0\x80"), r + r + r);         // surrogate
    EXPECT_EQ(replaced("\xf4\x90\x80\x80"), r + r + r + r); // over U+10FFFF
    EXPECT_EQ(replaced("\xf0\x80\x80\x80"), r + r + r + r); // overlong
    EXPECT_EQ(replaced("\xf5\x80\x80\x80"), r + r + r + r);
    EXPECT_EQ(replaced("\xc3"), r); // cut at the end, as comm may be
    EXPECT_EQ(replaced("\xf0\x9f\x90"), r);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "screen/text_fit.h"

#include <gtest/gtest.h>

#include <clocale>

namespace tcpdwell::test {
namespace {

using report::Align;
using screen::columns_of;
using screen::cut_middle;
using screen::cut_text;
using screen::fitted_text;
using screen::steady_text;

class TextFit : public testing::Test {
protected:
    void SetUp() override { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    void TearDown() override { std::setlocale(LC_CTYPE, "C"); }
};

TEST_F(TextFit, counts_columns) {
    EXPECT_EQ(columns_of(""), 0U);
    EXPECT_EQ(columns_of("abc"), 3U);
    EXPECT_EQ(columns_of("äöü"), 3U);
    EXPECT_EQ(columns_of("日本"), 4U);
}

TEST_F(TextFit, leaves_out_what_takes_no_column) {
    EXPECT_EQ(steady_text("e\xcc\x81", true), "e?");
    EXPECT_EQ(steady_text("a\xe2\x80\x8b", true), "a?");
    EXPECT_EQ(steady_text("日ä", true), "日ä");
    EXPECT_EQ(steady_text("\xff", true), "?");
}

TEST_F(TextFit, writes_bytes_where_there_is_ascii_only) {
    std::setlocale(LC_CTYPE, "C");
    EXPECT_EQ(steady_text("aä", false), "a\\xc3\\xa4");
}

TEST_F(TextFit, cuts_with_a_mark) {
    EXPECT_EQ(cut_text("abcdef", 6, true), "abcdef");
    EXPECT_EQ(cut_text("abcdef", 4, true), "abc…");
    EXPECT_EQ(cut_text("abcdef", 4, false), "abc~");
    EXPECT_EQ(cut_text("abcdef", 1, true), "…");
    EXPECT_EQ(cut_text("abcdef", 0, true), "");
    EXPECT_EQ(cut_text("日本語", 4, true), "日…") << "a wide character isn't halved";
}

TEST_F(TextFit, keeps_the_port_of_an_endpoint) {
    EXPECT_EQ(cut_middle("[2001:db8::1]:65535", 14, 7, true), "[2001:…]:65535");
    EXPECT_EQ(cut_middle("127.0.0.1:80", 14, 7, true), "127.0.0.1:80");
    EXPECT_EQ(cut_middle("127.0.0.1:80", 5, 7, true), "127.…");
}

TEST_F(TextFit, fills_up_to_the_column) {
    EXPECT_EQ(fitted_text("ab", 4, Align::left, true), "ab  ");
    EXPECT_EQ(fitted_text("ab", 4, Align::right, true), "  ab");
    EXPECT_EQ(columns_of(fitted_text("日本語", 4, Align::left, true)), 4U);
}

TEST_F(TextFit, wraps_between_words) {
    EXPECT_EQ(screen::wrapped_text("one two three", 8, true),
              (std::vector<std::string>{"one two", "three"}));
    EXPECT_EQ(screen::wrapped_text("unbreakable", 5, true), (std::vector<std::string>{"unbr…"}));
}

} // namespace
} // namespace tcpdwell::test

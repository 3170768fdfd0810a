// SPDX-License-Identifier: Apache-2.0
// Where lines break, and what is never broken.
#include "render/wrap.h"

#include <gtest/gtest.h>

#include <sstream>

namespace tcpdwell::test {
namespace {

TEST(Wrap, BreaksBetweenWordsAtTheLastThatFits) {
    EXPECT_EQ(render::wrap("one two three four", 9, ""), "one two\nthree\nfour\n");
    EXPECT_EQ(render::wrap("one two", 7, ""), "one two\n"); // exactly full
    EXPECT_EQ(render::wrap("one two", 6, ""), "one\ntwo\n");
}

TEST(Wrap, TheIndentCountsAndStandsBeforeEveryLine) {
    EXPECT_EQ(render::wrap("one two three", 9, "  "), "  one two\n  three\n");
    EXPECT_EQ(render::wrap("one two three", 8, "  "), "  one\n  two\n  three\n");
}

TEST(Wrap, ALongWordIsNotCut) {
    EXPECT_EQ(render::wrap("a /proc/sys/net/ipv4/tcp_rmem b", 8, " "),
              " a\n /proc/sys/net/ipv4/tcp_rmem\n b\n");
    EXPECT_EQ(render::wrap("abc", 0, ""), "abc\n");
}

TEST(Wrap, SpacesAreOneAndNeverAtAnEnd) {
    EXPECT_EQ(render::wrap("  one   two  ", 80, "> "), "> one two\n");
    EXPECT_EQ(render::wrap("one two   ", 3, ""), "one\ntwo\n");
}

TEST(Wrap, ParagraphsStayApart) {
    EXPECT_EQ(render::wrap("one\ntwo", 80, " "), " one\n two\n");
    EXPECT_EQ(render::wrap("one\n\ntwo", 80, " "), " one\n\n two\n");
    EXPECT_EQ(render::wrap("one\n", 80, " "), " one\n");
    EXPECT_EQ(render::wrap(" \none", 80, " "), "\n one\n");
    EXPECT_EQ(render::wrap("", 80, " "), "");
}

TEST(Wrap, CountsCharactersNotBytes) {
    EXPECT_EQ(render::wrap("\xc3\xa9\xc3\xa9 \xe2\x89\xa5 x", 6, ""),
              "\xc3\xa9\xc3\xa9 \xe2\x89\xa5 x\n");
    EXPECT_EQ(render::wrap("x y z", 4, "\xe2\x94\x82 "),
              "\xe2\x94\x82 x\n\xe2\x94\x82 y\n\xe2\x94\x82 z\n");
}

/// For every width: no line is too long unless it is one word, no word is lost, and none would have
/// fitted on the line before.
TEST(Wrap, LinesAreAsFullAsTheyCanBe) {
    const std::string text =
        "A socket that was closed first waits for 2MSL, whatever net.ipv4.tcp_fin_timeout says.";
    for (std::size_t width = 1; width <= text.size() + 1; ++width) {
        std::istringstream lines(render::wrap(text, width, ""));
        std::string line;
        std::string joined;
        std::size_t room = 0; // on the line before
        while (std::getline(lines, line)) {
            EXPECT_TRUE(line.size() <= width || line.find(' ') == std::string::npos)
                << width << ": " << line;
            if (!joined.empty()) {
                EXPECT_GT(line.substr(0, line.find(' ')).size() + 1, room) << width << ": " << line;
                joined += ' ';
            }
            joined += line;
            room = line.size() < width ? width - line.size() : 0;
        }
        EXPECT_EQ(joined, text) << width;
    }
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// How `explain` prints, and that the sysctls which the tracer reads are explained.
#include "cli/explain_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace tcpdwell::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string printed(std::string_view word, std::span<const host::Sysctl> here = {},
                    cli::ExplainStyle style = {}) {
    std::string out;
    append_explanation(out, *explain::explain(word).at(0), here, style);
    return out;
}

std::size_t longest_line(const std::string& text) {
    std::istringstream lines(text);
    std::size_t longest = 0;
    for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
    return longest;
}

TEST(ExplainPrint, HeadingsNameTheTopic) {
    EXPECT_THAT(printed("fin_wait2"), StartsWith("FIN_WAIT2 (state; RFC 9293: FIN-WAIT-2)\n"));
    EXPECT_THAT(printed("peers_gone"), StartsWith("peers_gone (finding)\n"));
    EXPECT_THAT(printed("somaxconn"), StartsWith("net.core.somaxconn (sysctl)\n"));
}

TEST(ExplainPrint, AMythIsHeadedByWhatIsSaid) {
    EXPECT_THAT(printed("2msl_is_4_minutes"),
                StartsWith("\"TIME_WAIT lasts 2MSL: 2 or 4 minutes\" (myth)\n"));
}

TEST(ExplainPrint, BoldOnlyWhenAsked) {
    EXPECT_THAT(printed("fin"), Not(HasSubstr("\x1b")));
    EXPECT_THAT(printed("fin", {}, {80, true}), StartsWith("\x1b[1mfin\x1b[0m (ending)\n"));
}

TEST(ExplainPrint, ValuesHere) {
    const std::vector<host::Sysctl> here = {{"net.ipv4.tcp_fin_timeout", "17"},
                                            {"net.ipv4.tcp_max_tw_buckets", "5"}};
    const std::string text = printed("fin_wait2", here);
    EXPECT_THAT(
        text,
        HasSubstr(
            "\n  Here: net.ipv4.tcp_fin_timeout = 17\n        net.ipv4.tcp_max_tw_buckets = 5\n"));
}

TEST(ExplainPrint, WhatThisKernelHasntGot) {
    EXPECT_THAT(printed("tcp_tw_reuse_delay"),
                HasSubstr("net.ipv4.tcp_tw_reuse_delay = not on this kernel"));
}

TEST(ExplainPrint, NothingIsSaidOfSysctlsThatAreNotRead) {
    EXPECT_THAT(printed("tcp_tw_recycle"), Not(HasSubstr("Here:")));
    EXPECT_THAT(printed("close_wait"), Not(HasSubstr("Here:")));
}

TEST(ExplainPrint, EndsWithItsSource) {
    for (const explain::Explanation& each : explain::explanations()) {
        std::string out;
        cli::append_explanation(out, each, {}, {100, false});
        EXPECT_THAT(out, HasSubstr("\n  Source: ")) << each.word;
        EXPECT_THAT(out, EndsWith("\n")) << each.word;
    }
}

TEST(ExplainPrint, FitsTheWidth) {
    for (const std::size_t width : {60, 80, 100}) {
        for (const explain::Explanation& each : explain::explanations()) {
            std::string out;
            cli::append_explanation(out, each, {}, {width, false});
            if (each.topic == explain::Topic::myth) continue; // the claim is never broken
            EXPECT_LE(longest_line(out.substr(0, out.find("  Here:"))), width) << each.word;
        }
        std::string list;
        cli::append_word_list(list, {width, false});
        EXPECT_LE(longest_line(list), width);
    }
}

TEST(ExplainPrint, TheListHasEveryWord) {
    std::string list;
    cli::append_word_list(list, {200, false});
    for (const explain::Explanation& each : explain::explanations()) {
        const auto word =
            each.word.substr(each.topic == explain::Topic::sysctl ? each.word.rfind('.') + 1 : 0);
        EXPECT_THAT(list, HasSubstr("\n  " + std::string(word) + " ")) << each.word;
        EXPECT_THAT(list, HasSubstr("  " + std::string(each.summary) + "\n")) << each.word;
    }
}

TEST(ExplainPrint, EverySysctlThatIsReadIsExplained) {
    for (const std::string_view sysctl : host::tcp_sysctl_names()) {
        const auto found = explain::explain(sysctl);
        ASSERT_FALSE(found.empty()) << sysctl;
        EXPECT_EQ(found[0]->word, sysctl);
        EXPECT_EQ(found[0]->topic, explain::Topic::sysctl);
    }
}

/// A slip in a name would never show a value, and say nothing.
TEST(ExplainPrint, EverySysctlThatIsNamedIsReadButTwo) {
    const auto names = host::tcp_sysctl_names();
    for (const explain::Explanation& each : explain::explanations()) {
        for (const std::string_view sysctl : each.sysctls) {
            if (sysctl == "net.ipv4.tcp_tw_recycle" || sysctl == "net.ipv4.ip_local_reserved_ports")
                continue;
            EXPECT_NE(std::find(names.begin(), names.end(), sysctl), names.end())
                << each.word << ": " << sysctl;
        }
    }
}

} // namespace
} // namespace tcpdwell::test

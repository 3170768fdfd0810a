// SPDX-License-Identifier: Apache-2.0
// The headings of tables are explained.
#include "cli/heading_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "report/schemas.h"
#include "screen/table.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(HeadingWords, are_those_of_reports_and_of_top) {
    const auto in_ports = cli::explain_heading("OPENS/S");
    ASSERT_EQ(in_ports.size(), 2U) << "a report's is of its whole time, that of top isn't";
    EXPECT_NE(in_ports[0]->summary, in_ports[1]->summary);

    const auto wait = cli::explain_heading("WAIT");
    ASSERT_EQ(wait.size(), 1U);
    EXPECT_EQ(wait[0]->word, "WAIT");
    EXPECT_EQ(wait[0]->topic, explain::Topic::column);
    EXPECT_THAT(std::string(wait[0]->text), HasSubstr("waiting of accept_queues"));
}

TEST(HeadingWords, are_found_in_any_spelling) {
    const auto found = cli::explain_heading("TW NOW");
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(cli::explain_heading("tw-now"), found);
    EXPECT_EQ(cli::explain_heading("Tw_Now"), found);
    EXPECT_THAT(cli::explain_heading("TWNOW"), IsEmpty());
    EXPECT_THAT(cli::explain_heading("TW"), IsEmpty());
    EXPECT_THAT(cli::explain_heading(""), IsEmpty());
}

TEST(HeadingWords, all_columns_of_top_are_among_them) {
    for (std::size_t i = 0; i < screen::kTables; ++i)
        for (const auto& column : screen::ScreenTable::columns(static_cast<screen::TableKind>(i))) {
            const auto found = cli::explain_heading(column.title);
            EXPECT_THAT(found, testing::Contains(
                                   testing::Field(&explain::Explanation::summary, column.help)))
                << column.title;
        }
}

TEST(HeadingWords, all_columns_of_trace_are_among_them) {
    for (const report::Column& column : report::connection_schema().columns)
        EXPECT_FALSE(cli::explain_heading(column.title).empty()) << column.title;
}

TEST(HeadingWords, one_meaning_is_there_once_with_all_its_tables) {
    std::set<std::pair<std::string_view, std::string_view>> meanings;
    for (const explain::Explanation& each : cli::heading_explanations()) {
        EXPECT_FALSE(each.summary.empty()) << each.word;
        EXPECT_TRUE(meanings.emplace(each.word, each.summary).second) << each.word;
    }
    const auto fails = cli::explain_heading("FAIL");
    ASSERT_EQ(fails.size(), 1U);
    EXPECT_THAT(std::string(fails[0]->text), HasSubstr("Services in top"));
}

} // namespace
} // namespace tcpdwell::test

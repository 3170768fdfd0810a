// SPDX-License-Identifier: Apache-2.0
#include "render/table_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/schemas.h"

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr report::Column kThree[] = {
    {.id = "a", .title = "A", .help = "", .width = 10, .least = 4},
    {.id = "b", .title = "B", .help = "", .width = 8},
    {.id = "c", .title = "C", .help = "", .width = 6, .least = 3},
};
constexpr std::string_view kThreeByImportance[] = {"c", "a", "b"};
constexpr report::Schema kThreeSchema = {"three", kThree, {}, kThreeByImportance};

std::vector<std::pair<std::size_t, std::size_t>> places(std::size_t width) {
    std::vector<std::pair<std::size_t, std::size_t>> places;
    for (const render::ColumnPlace& column : render::lay_out(kThreeSchema, width))
        places.emplace_back(column.cell, column.width);
    return places;
}

TEST(TableLayout, WithoutAnEndEverythingHasItsUsualWidth) {
    EXPECT_THAT(places(0), ElementsAre(Pair(0, 10), Pair(1, 8), Pair(2, 6)));
}

TEST(TableLayout, TheMostImportantThatFitIn) {
    EXPECT_THAT(places(1), ElementsAre(Pair(2, 1)));
    EXPECT_THAT(places(3), ElementsAre(Pair(2, 3)));
    EXPECT_THAT(places(7), ElementsAre(Pair(2, 7))) << "the last one has the rest";
    EXPECT_THAT(places(8), ElementsAre(Pair(0, 4), Pair(2, 3)));
    EXPECT_THAT(places(16), ElementsAre(Pair(0, 10), Pair(2, 5)));
    EXPECT_THAT(places(17), ElementsAre(Pair(0, 4), Pair(1, 8), Pair(2, 3)));
    EXPECT_THAT(places(20), ElementsAre(Pair(0, 7), Pair(1, 8), Pair(2, 3)));
    EXPECT_THAT(places(30), ElementsAre(Pair(0, 10), Pair(1, 8), Pair(2, 10)));
}

/// No line of a table is longer than the terminal, and the more room there is the more is shown.
TEST(TableLayout, EachWidthOfEachTable) {
    for (const report::Schema* schema :
         {&report::transition_schema(), &report::connection_schema()}) {
        ASSERT_EQ(schema->by_importance.size(), schema->table.size());
        std::size_t before = 0;
        for (std::size_t width = 1; width <= 300; ++width) {
            const auto columns = render::lay_out(*schema, width);
            ASSERT_FALSE(columns.empty());
            std::size_t taken = columns.size() - 1;
            for (const render::ColumnPlace& column : columns) taken += column.width;
            EXPECT_EQ(taken, width) << schema->type;
            EXPECT_GE(columns.size(), before) << schema->type << " " << width;
            before = columns.size();
        }
        EXPECT_EQ(before, schema->table.size());
    }
}

} // namespace
} // namespace tcpdwell::test

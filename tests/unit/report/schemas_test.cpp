// SPDX-License-Identifier: Apache-2.0
// The keys of the JSON lines are an interface: they are written down here a second time.
#include "report/schemas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace tcpdwell::test {
namespace {

using Words = std::vector<std::string_view>;

Words keys(const report::Schema& schema) {
    Words ids;
    for (const report::Column& column : schema.columns) ids.push_back(column.id);
    return ids;
}

const report::Column& column(const report::Schema& schema, std::string_view id) {
    return *std::find_if(schema.columns.begin(), schema.columns.end(),
                         [id](const report::Column& c) { return c.id == id; });
}

TEST(Schemas, TransitionKeys) {
    EXPECT_EQ(report::transition_schema().type, "transition");
    EXPECT_EQ(keys(report::transition_schema()),
              (Words{"time", "conn", "netns", "family", "local", "remote", "role", "from", "to",
                     "dwell_ns", "process", "cgroup", "uid", "cookie", "container"}));
}

TEST(Schemas, ConnectionKeys) {
    EXPECT_EQ(report::connection_schema().type, "connection");
    EXPECT_EQ(keys(report::connection_schema()),
              (Words{"conn",      "netns",    "family",       "local",       "remote",
                     "role",      "process",  "cgroup",       "uid",         "opened",
                     "closed",    "states",   "closed_first", "ending",      "ending_detail",
                     "time_wait", "seen",     "closed_by",    "cookie",      "accept",
                     "bytes",     "segments", "rtt",          "limited_ns",  "idle",
                     "transport", "holders",  "mptcp_state",  "peer_window", "retransmits",
                     "probes",    "container"}));
}

TEST(Schemas, LostKeys) {
    EXPECT_EQ(report::lost_schema().type, "lost");
    EXPECT_EQ(keys(report::lost_schema()), (Words{"time", "events"}));
}

TEST(Schemas, ShapesOfWhatCsvTakesApart) {
    for (const report::Schema* schema :
         {&report::transition_schema(), &report::connection_schema()}) {
        EXPECT_EQ(column(*schema, "local").shape, report::Shape::endpoint);
        EXPECT_EQ(column(*schema, "remote").shape, report::Shape::endpoint);
        EXPECT_EQ(column(*schema, "process").shape, report::Shape::process);
        EXPECT_EQ(column(*schema, "conn").shape, report::Shape::single);
    }
    EXPECT_EQ(column(report::connection_schema(), "closed_by").shape, report::Shape::process);
    EXPECT_EQ(column(report::connection_schema(), "time_wait").shape, report::Shape::time_wait);
}

TEST(Schemas, TablesShowColumnsThatExistOnce) {
    for (const report::Schema* schema :
         {&report::transition_schema(), &report::connection_schema(), &report::lost_schema()}) {
        const Words ids = keys(*schema);
        EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size()) << schema->type;
        std::set<std::string_view> shown;
        for (const std::string_view id : schema->table) {
            EXPECT_NE(std::find(ids.begin(), ids.end(), id), ids.end()) << id;
            EXPECT_TRUE(shown.insert(id).second) << id;
        }
    }
}

TEST(Schemas, EveryColumnIsExplained) {
    for (const report::Schema* schema :
         {&report::transition_schema(), &report::connection_schema(), &report::lost_schema()}) {
        for (const report::Column& c : schema->columns) {
            EXPECT_TRUE(c.help.ends_with('.')) << c.id;
            EXPECT_GE(c.width, static_cast<int>(c.title.size())) << c.id;
        }
    }
}

/// Where column `id` ends in the table, if every cell has its usual width.
int table_end(const report::Schema& schema, std::string_view id) {
    int end = -1;
    for (const std::string_view shown : schema.table) {
        end += 1 + column(schema, shown).width;
        if (shown == id) return end;
    }
    return 1000;
}

TEST(Schemas, TheEssentialPartFitsIn100Columns) {
    EXPECT_LE(table_end(report::transition_schema(), "dwell_ns"), 100);
    EXPECT_LE(table_end(report::connection_schema(), "ending"), 100);
    EXPECT_LE(table_end(report::transition_schema(), "netns"), 160);
    EXPECT_LE(table_end(report::connection_schema(), "seen"), 160);
}

} // namespace
} // namespace tcpdwell::test

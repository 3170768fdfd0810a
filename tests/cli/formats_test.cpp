// SPDX-License-Identifier: Apache-2.0
// --format means the same with every command: json is one document, jsonl one object a line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "../golden/two_hosts.h"
#include "binary.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Words = std::vector<std::string>;

class CommandFormats : public testing::Test {
protected:
    CommandFormats() { TwoHosts().record(folder.path()); }

    std::string path(const std::string& name) const { return (folder.path() / name).string(); }
    std::string printed(Words words, const std::string& format) const {
        words.insert(words.begin() + 1, {"-f", format});
        const Finished done = run_binary(words);
        EXPECT_EQ(done.status, 0) << done.err;
        return done.out;
    }
    /// What is wrong with that format for that command.
    std::string refused(Words words, const std::string& format) const {
        words.insert(words.begin() + 1, {"-f", format});
        const Finished done = run_binary(words);
        EXPECT_EQ(done.status, 2);
        EXPECT_EQ(done.out, "");
        return done.err;
    }

    TemporaryFolder folder;
};

TEST_F(CommandFormats, json_holds_the_objects_of_jsonl) {
    for (const Words& words :
         {Words{"trace", "-r", path("client.tdw")}, Words{"trace", "-c", "-r", path("client.tdw")},
          Words{"info", path("client.tdw"), path("server.tdw")}}) {
        const json document = json::parse(printed(words, "json"));
        ASSERT_TRUE(document.is_array());
        std::istringstream lines(printed(words, "jsonl"));
        std::size_t count = 0;
        for (std::string line; std::getline(lines, line); ++count)
            EXPECT_EQ(json::parse(line), document.at(count));
        EXPECT_EQ(count, document.size());
        EXPECT_GT(count, 1U);
    }
    EXPECT_EQ(json::parse(printed({"info", path("client.tdw")}, "json")).at("lost"), 0);
    const Words report{"report", "-r", path("client.tdw")};
    EXPECT_EQ(json::parse(printed(report, "json")), json::parse(printed(report, "jsonl")));
}

TEST_F(CommandFormats, info_has_a_row_for_each_file) {
    const Words words{"info", path("client.tdw"), path("server.tdw")};
    for (const char* format : {"csv", "table"}) {
        const std::string text = printed(words, format);
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
        EXPECT_THAT(text, HasSubstr(std::string(format) == "csv" ? ",whole,0\n" : " whole "));
    }
}

TEST_F(CommandFormats, one_that_makes_no_sense_is_refused_with_the_reason) {
    EXPECT_THAT(refused({"report", "-r", path("client.tdw")}, "csv"),
                HasSubstr("'csv' isn't one of text, json, jsonl, openmetrics, prometheus: the "
                          "sections of a report have no columns in common"));
    EXPECT_THAT(refused({"trace", "-r", path("client.tdw")}, "text"),
                HasSubstr("'text' isn't one of table, json, jsonl, csv: lines have columns"));
}

} // namespace
} // namespace tcpdwell::test

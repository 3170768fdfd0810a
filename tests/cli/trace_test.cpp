// SPDX-License-Identifier: Apache-2.0
// trace from outside: how many lines, when they come, and that they fit.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "binary.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;

const std::string kRecorded = TCPDWELL_SOURCE_DIR "/tests/golden/recordings/readme/web-curl.tdw";

std::vector<std::string> lines_in(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::vector<std::string> traced(std::vector<std::string> words) {
    words.insert(words.begin(), {"trace", "-q", "-r", kRecorded});
    const Finished ended = run_binary(std::move(words));
    EXPECT_EQ(ended.status, 0) << ended.err;
    return lines_in(ended.out);
}

std::vector<nlohmann::json> connections(std::vector<std::string> words) {
    words.insert(words.begin(), {"-c", "-f", "jsonl"});
    std::vector<nlohmann::json> rows;
    for (const std::string& line : traced(std::move(words)))
        if (auto row = nlohmann::json::parse(line); row["type"] == "connection")
            rows.push_back(std::move(row));
    return rows;
}

TEST(Trace, ends_after_so_many_lines) {
    const auto all = traced({});
    ASSERT_EQ(all.size(), 1 + 11U);
    for (const std::size_t most : {1U, 5U, 11U, 100U}) {
        const auto some = traced({"-n", std::to_string(most)});
        ASSERT_EQ(some.size(), 1 + std::min(most, all.size() - 1));
        EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
    }
}

/// The server closed first. In the recording its TIME_WAIT is over a minute later.
TEST(Trace, at_close_the_line_does_not_wait_for_the_end_of_time_wait) {
    const auto late = connections({});
    const auto early = connections({"--at-close"});
    ASSERT_EQ(late.size(), 2U);
    ASSERT_EQ(early.size(), 2U);
    EXPECT_EQ(late[0]["role"], "client");
    EXPECT_EQ(late[1]["role"], "server");
    EXPECT_EQ(late[1]["time_wait"]["end"], "expired");
    const auto server = std::ranges::find(
        early, "server", [](const nlohmann::json& row) { return row["role"].get<std::string>(); });
    ASSERT_NE(server, early.end());
    EXPECT_EQ((*server)["time_wait"]["end"], "open");
    EXPECT_TRUE((*server)["time_wait"]["dwell_ns"].is_null());
    EXPECT_TRUE((*server)["closed"].is_null());
    for (const char* const key : {"conn", "closed_first", "ending", "closed_by"})
        EXPECT_EQ((*server)[key], late[1][key]) << key;
}

TEST(Trace, columns_of_the_users_choice_in_every_format) {
    EXPECT_EQ(traced({"-n", "1", "-f", "csv", "-o", "to,role"}),
              (std::vector<std::string>{"to,role", "SYN_SENT,client"}));
    const auto row = nlohmann::json::parse(traced({"-n", "1", "-f", "jsonl", "-o", "to"}).at(1));
    EXPECT_EQ(row, nlohmann::json({{"type", "transition"}, {"to", "SYN_SENT"}}));
    EXPECT_EQ(traced({"-n", "1", "-o", "to,role"}),
              (std::vector<std::string>{"TO          ROLE", "SYN_SENT    client"}));
    const Finished wrong = run_binary({"trace", "-r", kRecorded, "-o", "state"});
    EXPECT_EQ(wrong.status, 2);
    EXPECT_THAT(wrong.err, HasSubstr("'state' is no column of a transition"));
}

TEST(Trace, in_order_of_time) {
    std::string before;
    for (const std::string& line : traced({"-f", "csv", "-o", "time"})) {
        EXPECT_LE(before, line);
        if (line != "time") before = line;
    }
}

} // namespace
} // namespace tcpdwell::test

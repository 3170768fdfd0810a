// SPDX-License-Identifier: Apache-2.0
// `report -i` prints a line for each interval, and its figures add up.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "binary.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
using Fields = std::vector<std::string>;

const std::string kIncident =
    TCPDWELL_SOURCE_DIR "/tests/golden/recordings/incidents/accept_queue_full.tdw";

std::vector<Fields> fields_of(const std::string& text) {
    std::vector<Fields> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        Fields& fields = lines.emplace_back();
        for (std::string word; words >> word;) fields.push_back(word);
    }
    return lines;
}

TEST(Interval, a_line_each_with_as_many_fields_as_columns) {
    const Finished ended = run_binary({"report", "-q", "-i", "500ms", "-r", kIncident});
    ASSERT_EQ(ended.status, 0) << ended.err;
    const auto lines = fields_of(ended.out);
    ASSERT_GT(lines.size(), 3U);
    EXPECT_EQ(lines.front(), (Fields{"TIME", "OPENED", "CLOSED", "RESET", "FAILED", "RETRANS",
                                     "TIME_WAIT", "CLOSE_WAIT", "FINDINGS"}));
    for (const Fields& line : lines) EXPECT_EQ(line.size(), lines.front().size()) << ended.out;
    EXPECT_THAT(ended.out, HasSubstr("accept_queue_full"));
}

/// Over all intervals: what the transitions of the same recording are.
TEST(Interval, figures_are_those_of_the_transitions) {
    const Finished ended = run_binary({"report", "-q", "-i", "300ms", "-r", kIncident});
    const Finished traced = run_binary({"trace", "-q", "-f", "jsonl", "-r", kIncident});
    ASSERT_EQ(ended.status, 0) << ended.err;
    ASSERT_EQ(traced.status, 0) << traced.err;
    int opened = 0;
    int closed = 0;
    std::istringstream in(traced.out);
    for (std::string line; std::getline(in, line);) {
        const auto row = nlohmann::json::parse(line);
        if (row["type"] != "transition") continue;
        const std::string from = row["from"];
        const std::string to = row["to"];
        const bool was_opening = from == "SYN_SENT" || from == "SYN_RECV";
        const bool opens = was_opening && to != "CLOSE" && to != "SYN_RECV";
        if (opens) ++opened;
        if ((opens || from == "ESTABLISHED") && to != "ESTABLISHED") ++closed;
    }
    int sum_opened = 0;
    int sum_closed = 0;
    for (const Fields& line : fields_of(ended.out)) {
        if (line.front() == "TIME") continue;
        sum_opened += std::stoi(line[1]);
        sum_closed += std::stoi(line[2]);
    }
    EXPECT_GT(opened, 0);
    EXPECT_EQ(sum_opened, opened);
    EXPECT_EQ(sum_closed, closed);
}

TEST(Interval, whole_reports_if_that_is_wanted) {
    const Finished full = run_binary({"report", "-q", "-i", "1s", "--full", "-r", kIncident});
    EXPECT_EQ(full.status, 0) << full.err;
    EXPECT_THAT(full.out, HasSubstr("Who closes first"));
    const Finished alone = run_binary({"report", "--full", "-r", kIncident});
    EXPECT_EQ(alone.status, 2);
    EXPECT_THAT(alone.err, HasSubstr("--full requires --interval"));
}

} // namespace
} // namespace tcpdwell::test

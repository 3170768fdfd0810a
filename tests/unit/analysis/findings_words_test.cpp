// SPDX-License-Identifier: Apache-2.0
// The words that findings have in common.
#include <gtest/gtest.h>

#include "analysis/findings.h"
#include "base/counted.h"
#include "lines.h"

namespace tcpdwell::test {
namespace {

TEST(FindingWords, durations_have_the_unit_that_fits) {
    const std::pair<Nanoseconds, const char*> cases[] = {
        {0ns, "0 ms"},          {999ms, "999 ms"}, {1s, "1.0 s"},
        {119'900ms, "119.9 s"}, {120s, "2 min"},   {90min, "90 min"},
        {7199s, "120 min"},     {7200s, "2.0 h"},  {36h + 30min, "36.5 h"}};
    for (const auto& [duration, text] : cases) EXPECT_EQ(analysis::duration_text(duration), text);
}

TEST(FindingWords, one_is_singular) {
    EXPECT_EQ(counted(0, "socket"), "0 sockets");
    EXPECT_EQ(counted(1, "socket"), "1 socket");
    EXPECT_EQ(counted(2, "socket"), "2 sockets");
}

TEST(FindingWords, a_process_has_a_number_where_one_is_known) {
    EXPECT_EQ(analysis::process_text(process(7, "app")), "app (pid 7)");
    EXPECT_EQ(analysis::process_text(process(1, "init")), "init (pid 1)");
    EXPECT_EQ(analysis::process_text(process(0, "app")), "app");
    EXPECT_EQ(analysis::process_text(std::nullopt), "a process that is not known");
}

TEST(FindingWords, a_program_has_a_number_where_it_is_one_process) {
    analysis::ServiceRow row;
    EXPECT_EQ(analysis::program_of(row), "an unknown program");
    row.key.comm = process(0, "app").comm_bytes;
    EXPECT_EQ(analysis::program_of(row), "app");
    row.pid = 1;
    EXPECT_EQ(analysis::program_of(row), "app (pid 1)");
    EXPECT_EQ(analysis::place_of(row), "app (pid 1)");
    row.key.role = tcp::Role::server;
    row.key.local = {address("10.0.0.1"), 80};
    EXPECT_EQ(analysis::place_of(row), "app (pid 1) on 10.0.0.1:80");
    row.several_pids = true;
    EXPECT_EQ(analysis::program_of(row), "app");
}

TEST(FindingWords, a_share_of_none_is_0) {
    EXPECT_EQ(analysis::share_of(0, 0), 0.0);
    EXPECT_EQ(analysis::share_of(1, 4), 0.25);
}

} // namespace
} // namespace tcpdwell::test

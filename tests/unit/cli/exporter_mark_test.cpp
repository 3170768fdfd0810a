// SPDX-License-Identifier: Apache-2.0
// One process at a time has the mark of a server.
#include "cli/exporter_mark.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace tcpdwell::test {
namespace {

/// What no other run of this test has.
std::string server_of_test() { return "http://test-" + std::to_string(::getpid()); }

TEST(ExporterMark, IsAnothersUntilThatOneEnds) {
    auto first = cli::mark_exporter(server_of_test() + "/a");
    ASSERT_TRUE(first);
    EXPECT_TRUE(*first);
    EXPECT_FALSE(cli::mark_exporter(server_of_test() + "/a"));
    const auto other = cli::mark_exporter(server_of_test() + "/b");
    ASSERT_TRUE(other);
    EXPECT_TRUE(*other);
    first->reset();
    const auto next = cli::mark_exporter(server_of_test() + "/a");
    ASSERT_TRUE(next);
    EXPECT_TRUE(*next);
}

TEST(ExporterMark, TakesAnyLength) {
    const auto longest = cli::mark_exporter(server_of_test() + std::string(1000, 'x'));
    ASSERT_TRUE(longest);
    EXPECT_TRUE(*longest);
}

} // namespace
} // namespace tcpdwell::test

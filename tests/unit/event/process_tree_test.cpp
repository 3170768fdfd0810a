// SPDX-License-Identifier: Apache-2.0
#include "event/process_tree.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

TEST(ProcessTree, AProcessIsOfItselfAndOfItsAncestors) {
    event::ProcessTree tree;
    EXPECT_TRUE(tree.is_of(7, 7));
    EXPECT_FALSE(tree.is_of(7, 8));
    tree.fork(7, 10);
    tree.fork(10, 11);
    EXPECT_TRUE(tree.is_of(10, 7));
    EXPECT_TRUE(tree.is_of(11, 7));
    EXPECT_FALSE(tree.is_of(12, 7));
    EXPECT_FALSE(tree.is_of(7, 11));
}

/// A daemon's parents end: what it descends from stays.
TEST(ProcessTree, NumbersThatAreUsedAgainAreOtherProcesses) {
    event::ProcessTree tree;
    tree.fork(7, 10);
    tree.fork(10, 11);
    tree.fork(300, 10);
    EXPECT_FALSE(tree.is_of(10, 7));
    EXPECT_TRUE(tree.is_of(10, 300));
    EXPECT_TRUE(tree.is_of(11, 7)) << "it was made by the other 10";
    tree.fork(10, 11);
    EXPECT_TRUE(tree.is_of(11, 300));
}

TEST(ProcessTree, HasRoomForSoManyAndNoMore) {
    event::ProcessTree tree;
    for (std::uint32_t pid = 1; pid <= event::ProcessTree::kMostProcesses; ++pid)
        ASSERT_TRUE(tree.fork(0, pid));
    EXPECT_FALSE(tree.fork(5, 4'000'000));
    EXPECT_TRUE(tree.fork(5, 9)) << "it has its place";
    EXPECT_FALSE(tree.is_of(4'000'000, 0));
}

} // namespace
} // namespace tcpdwell::test

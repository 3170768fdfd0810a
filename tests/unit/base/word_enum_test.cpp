// SPDX-License-Identifier: Apache-2.0
// What follows from a list of words: numbers, names, arrays.
#include "base/word_enum.h"

#include <gmock/gmock.h>

#include <utility>
#include <vector>

namespace tcpdwell::test {
namespace {

#define TCPDWELL_FRUIT_LIST(X)       \
    X(apple, "an apple")             \
    X(none, "")                      \
    X(pear, "pear", "more") /* of it \
                             */
TCPDWELL_WORD_ENUM(Fruit, TCPDWELL_FRUIT_LIST)

/// Its values are the kernel's, say, and its order is another.
enum class Tree : unsigned { oak = 7, elm = 5, ash = 6 };
#define TCPDWELL_TREE_LIST(X) X(oak, "oak", 7) X(elm, "elm", 5) X(ash, "ash", 6)
TCPDWELL_ENUM_WORDS(Tree, TCPDWELL_TREE_LIST)

TEST(WordEnum, NumbersFollowTheList) {
    EXPECT_EQ(static_cast<int>(Fruit::apple), 0);
    EXPECT_EQ(static_cast<int>(Fruit::pear), 2);
    static_assert(kCountOf<Fruit> == 3);
    EXPECT_THAT(kAllOf<Fruit>, testing::ElementsAre(Fruit::apple, Fruit::none, Fruit::pear));
}

TEST(WordEnum, Names) {
    static_assert(name(Fruit::apple) == "an apple");
    EXPECT_EQ(name(Fruit::none), "");
    EXPECT_EQ(name(Fruit::pear), "pear");
    EXPECT_EQ(name(static_cast<Fruit>(3)), "");
    EXPECT_EQ(name(static_cast<Fruit>(255)), "");
}

TEST(WordEnum, ValueOfAWord) {
    EXPECT_EQ(from_word<Fruit>("pear"), Fruit::pear);
    EXPECT_EQ(from_word<Fruit>(""), Fruit::none);
    EXPECT_EQ(from_word<Fruit>("pea"), std::nullopt);
}

TEST(WordEnum, OrderOfTheListIsNotThatOfTheNumbers) {
    EXPECT_THAT(kAllOf<Tree>, testing::ElementsAre(Tree::oak, Tree::elm, Tree::ash));
    EXPECT_EQ(index_of(Tree::elm), 0u);
    EXPECT_EQ(index_of(Tree::oak), 2u);
    for (const Tree tree : kAllOf<Tree>) EXPECT_EQ(from_word<Tree>(name(tree)), tree);
    EXPECT_EQ(name(static_cast<Tree>(4)), "");
    EXPECT_EQ(name(static_cast<Tree>(8)), "");
}

TEST(WordEnum, ArrayIsIndexedByTheEnum) {
    EnumArray<Tree, int> counts;
    EXPECT_THAT(std::vector(counts.begin(), counts.end()), testing::Each(0));
    counts[Tree::elm] = 1;
    ++counts[Tree::oak];
    EXPECT_THAT(std::vector(counts.begin(), counts.end()), // by number: elm, ash, oak
                testing::ElementsAre(1, 0, 1));
    EXPECT_EQ(std::as_const(counts)[Tree::ash], 0);
    EXPECT_NE(counts, (EnumArray<Tree, int>()));
}

} // namespace
} // namespace tcpdwell::test

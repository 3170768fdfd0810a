// SPDX-License-Identifier: Apache-2.0
// Names in the folder may be anybody's: only what we write ourselves is one.
#include "store/batch_name.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

const std::string kText = "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz";

TEST(BatchName, is_what_it_was_made_from) {
    const auto name = store::BatchName::parse(kText);
    ASSERT_TRUE(name);
    EXPECT_EQ(name->sequence, 1764458012345678901U);
    EXPECT_EQ(name->spool, 0x9f3ac04b5d1e2c77U);
    EXPECT_EQ(name->table, "ends");
    EXPECT_EQ(name->rows, 5000U);
    EXPECT_EQ(name->text(), kText);
    EXPECT_EQ(name->id(), "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000");
}

TEST(BatchName, is_nothing_else) {
    for (const std::string text :
         {"",
          ".json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz.partial",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz ",
          "0000176445801234567890-9f3ac04b5d1e2c77-ends-5000.json.gz",   // a digit less
          "000001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz", // a digit more
          "00001764458012345678901-9F3AC04B5D1E2C77-ends-5000.json.gz",  // in capitals
          "00001764458012345678901-9f3ac04b5d1e2c7-ends-5000.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends-05000.json.gz", // a zero in front
          "00001764458012345678901-9f3ac04b5d1e2c77-ends-0.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends--5.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends-+5.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends-.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77--5000.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-1ends-5000.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-a;drop table b-5000.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-../../etc-5000.json.gz",
          "00001764458012345678901_9f3ac04b5d1e2c77-ends-5000.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77_ends-5000.json.gz",
          "00001764458012345678901-9f3ac04b5d1e2c77-ends-99999999999.json.gz",
          "00018446744073709551615-9f3ac04b5d1e2c77-ends-5000.json.gz", // no later one exists
          "00003155760000000000001-9f3ac04b5d1e2c77-ends-5000.json.gz", // a century from 1970
          "99999999999999999999999-9f3ac04b5d1e2c77-ends-5000.json.gz"})
        EXPECT_FALSE(store::BatchName::parse(text)) << text;
    EXPECT_FALSE(store::BatchName::parse(std::string_view("\0\0", 2)));
    std::string with_zero = kText;
    with_zero[41] = '\0';
    EXPECT_FALSE(store::BatchName::parse(with_zero));
    const std::string longest(64, 'a');
    EXPECT_TRUE(store::BatchName::parse("00001764458012345678901-9f3ac04b5d1e2c77-" + longest +
                                        "-1.json.gz"));
    EXPECT_FALSE(store::BatchName::parse("00001764458012345678901-9f3ac04b5d1e2c77-" + longest +
                                         "a-1.json.gz"));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "base/log.h"

namespace tcpdwell::test {
namespace {

TEST(HeldLogTest, writes_what_was_said_when_it_goes_and_each_once) {
    start_logging(0);
    testing::internal::CaptureStderr();
    {
        const HeldLog held;
        spdlog::warn("one");
        start_logging(0); // another run
        spdlog::warn("two\x1b[2J");
        spdlog::warn("one");
        spdlog::debug("three");
        EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
        testing::internal::CaptureStderr();
    }
    spdlog::info("four");
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "tcpdwell: one\ntcpdwell: two\\x1b[2J\ntcpdwell: four\n");
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "render/loss_text.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

TEST(LossText, is_loud_only_if_something_was_lost) {
    EXPECT_EQ(render::loss_text(0, 0), "no event lost");
    EXPECT_EQ(render::loss_text(1, 0), "1 EVENTS LOST");
    EXPECT_EQ(render::loss_text(12345678901, 0), "12345678901 EVENTS LOST");
    EXPECT_EQ(render::loss_text(0, 1), "1 HOLE IN THE RECORDING");
    EXPECT_EQ(render::loss_text(2, 3), "2 EVENTS LOST; 3 HOLES IN THE RECORDING");
}

} // namespace
} // namespace tcpdwell::test

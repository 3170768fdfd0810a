// SPDX-License-Identifier: Apache-2.0
#include "render/loss_text.h"

#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

TEST(LossText, is_loud_only_if_something_was_lost) {
    EXPECT_EQ(render::loss_text(0, 0, 0), "no event lost");
    EXPECT_EQ(render::loss_text(1, 0, 0), "1 EVENT LOST");
    EXPECT_EQ(render::loss_text(12345678901, 0, 0), "12345678901 EVENTS LOST");
    EXPECT_EQ(render::loss_text(0, 1, 0), "1 HOLE IN THE RECORDING");
    EXPECT_EQ(render::loss_text(2, 3, 0), "2 EVENTS LOST; 3 HOLES IN THE RECORDING");
    EXPECT_EQ(render::loss_text(0, 0, 1), "AT LEAST 1 EVENT NOT SEEN");
    EXPECT_EQ(render::loss_text(2, 0, 4), "2 EVENTS LOST; AT LEAST 4 EVENTS NOT SEEN");
}

} // namespace
} // namespace tcpdwell::test

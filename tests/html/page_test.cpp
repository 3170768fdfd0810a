// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "browser.h"
#include "render/html.h"
#include "samples.h"
namespace tcpdwell::test {
TEST(Page, IsDrawn) {
    const auto answer =
        look_at(report_page(usual_report().dump()),
                "return [document.documentElement.dataset.ready, document.documentElement.dataset.error ?? null]");
    EXPECT_EQ(answer.dump(), R"(["yes",null])");
}
} // namespace tcpdwell::test

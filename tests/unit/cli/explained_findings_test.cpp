// SPDX-License-Identifier: Apache-2.0
// What a finding is raised by is explained: no room but cli knows both.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "analysis/thresholds.h"
#include "explain/explain.h"

namespace tcpdwell::test {
namespace {

TEST(ExplainedFindings, EachHasATextWithItsThresholdsAndTheirPresets) {
    for (const analysis::ThresholdRow& row : analysis::Thresholds::rows()) {
        const std::string_view finding = row.name.substr(0, row.name.find('.'));
        const auto explained = explain::explain(finding);
        const auto text = std::ranges::find(explained, explain::Topic::finding,
                                            [](const auto* each) { return each->topic; });
        ASSERT_NE(text, explained.end()) << finding;
        EXPECT_THAT(std::string((*text)->text),
                    testing::HasSubstr(
                        fmt::format("{} ({}{})", row.name, row.preset,
                                    row.unit == analysis::ThresholdRow::Unit::duration ? "s" : "")))
            << row.name;
    }
}

} // namespace
} // namespace tcpdwell::test

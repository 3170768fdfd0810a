// SPDX-License-Identifier: Apache-2.0
#include "cli/line_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Texts = std::vector<std::string>;

MonoTime moment_of_line(Nanoseconds since_boot) { return MonoTime(since_boot); }

Texts released(cli::LineOrder& order, Nanoseconds now, std::size_t most = 100) {
    Texts texts;
    order.release(moment_of_line(now), [&](const cli::PrintedLine& line) {
        if (texts.size() == most) return false;
        texts.emplace_back(line.text);
        return true;
    });
    return texts;
}

TEST(LineOrder, ByTimeAndThenAsTheyCame) {
    cli::LineOrder order;
    order.add(moment_of_line(30ms), {"c", true});
    order.add(moment_of_line(10ms), {"a", true});
    order.add(moment_of_line(30ms), {"d", true});
    order.add(moment_of_line(20ms), {"b", true});
    EXPECT_THAT(released(order, 60ms), ElementsAre()) << "another one may be earlier";
    EXPECT_THAT(released(order, 60ms + 1ns), ElementsAre("a"));
    EXPECT_THAT(released(order, 1s), ElementsAre("b", "c", "d"));
    EXPECT_THAT(released(order, 2s), ElementsAre());
}

TEST(LineOrder, WhatIsNotTakenStays) {
    cli::LineOrder order;
    order.add(moment_of_line(1ms), {"a", true});
    order.add(moment_of_line(2ms), {"b", true});
    EXPECT_THAT(released(order, 1s, 1), ElementsAre("a"));
    Texts rest;
    order.release_all([&](const cli::PrintedLine& line) {
        rest.emplace_back(line.text);
        return true;
    });
    EXPECT_THAT(rest, ElementsAre("b"));
}

} // namespace
} // namespace tcpdwell::test

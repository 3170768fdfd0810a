// SPDX-License-Identifier: Apache-2.0
// However many sockets a report looks at, it can be asked for something else meanwhile.
#include <gtest/gtest.h>

#include "analysis/report_maker.h"
#include "lines.h"

namespace tcpdwell::test {
namespace {

/// How often a report of so many sockets calls ReportOptions::meanwhile.
std::size_t calls_with(std::size_t sockets) {
    std::size_t calls = 0;
    analysis::ReportOptions options;
    options.meanwhile = [&calls] { ++calls; };
    analysis::ReportMaker maker(std::move(options), at(0s));
    track::Tracker tracker(maker, {});
    for (std::size_t i = 0; i < sockets; ++i) {
        event::StateChange opened{};
        opened.at = at(1s);
        opened.netns = 1;
        opened.sock = 0x1000 * (i + 1);
        opened.cookie = i + 1;
        opened.tuple = tuple("10.0.0.1", static_cast<tcp::Port>(1000 + i), "10.0.0.2", 80);
        opened.from = tcp::State::CLOSE;
        opened.to = tcp::State::SYN_SENT;
        tracker.on_event(opened);
    }
    EXPECT_EQ(calls, 0U);
    EXPECT_EQ(tracker.live(), sockets);
    maker.make(tracker, {}, {}, {}, {}, at(2s));
    return calls;
}

TEST(Meanwhile, is_called_between_analyses_and_for_each_few_thousand_sockets) {
    const std::size_t without = calls_with(0);
    EXPECT_GT(without, 10U);
    EXPECT_EQ(calls_with(3 * analysis::kSocketsInOneGo + 5), without + 3);
}

} // namespace
} // namespace tcpdwell::test

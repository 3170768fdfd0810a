// SPDX-License-Identifier: Apache-2.0
// Which of the tracker's lines count.
#include <gtest/gtest.h>

#include "analysis/report_maker.h"
#include "ended_line.h"

namespace tcpdwell::test {
namespace {

// The tracker had no room for it any more: it goes on.
TEST(ReportMaker, counts_no_end_of_a_connection_that_was_given_up) {
    EndedLine ended(tcp::Role::server, ClosedFirst::local, Ending::fin);
    ended.line.who = &ended.who;
    ended.line.states = ended.states;
    analysis::ReportMaker maker({}, at(0s));
    ended.line.evicted = true;
    maker.on_connection(ended.line);
    EXPECT_EQ(maker.ended(), 0U);
    EXPECT_TRUE(maker.flows().services().empty());
    ended.line.evicted = false;
    maker.on_connection(ended.line);
    EXPECT_EQ(maker.ended(), 1U);
    EXPECT_EQ(maker.flows().services().at(0).ended.connections, 1U);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "render/selected_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rows.h"

namespace tcpdwell::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Ids = std::vector<std::string>;

std::string selected(render::Format format, const Ids& ids) {
    render::Output out(-1);
    auto renderer = render::select_columns(make_renderer(format, out, {}), kKinds, ids);
    EXPECT_TRUE(renderer);
    (*renderer)->begin(kKinds);
    (*renderer)->row(kKinds, full_row());
    (*renderer)->row(kLost, kLostRow);
    (*renderer)->finish();
    return out.buffer();
}

TEST(SelectedColumns, InTheOrderWanted) {
    EXPECT_THAT(selected(render::Format::table, {"state", "count", "state"}),
                testing::StartsWith("STATE        COUNT STATE\nFIN_WAIT1      -42 FIN_WAIT1\n"));
    EXPECT_EQ(selected(render::Format::csv, {"dwell_ns", "local"}),
              "dwell_ns,local_addr,local_port\n3050000,10.0.0.1,443\n");
}

TEST(SelectedColumns, OtherRowsStayAsTheyAre) {
    EXPECT_THAT(selected(render::Format::jsonl, {"count"}),
                AllOf(HasSubstr("{\"type\":\"kinds\",\"count\":-42}\n"),
                      HasSubstr("\"type\":\"lost\",\"time\":")));
}

TEST(SelectedColumns, WhatIsNoColumn) {
    render::Output out(-1);
    for (const Ids& ids : {Ids{"count", "ports"}, Ids{""}, Ids{"\x1b[2J"}}) {
        const auto renderer =
            render::select_columns(make_renderer(render::Format::csv, out, {}), kKinds, ids);
        ASSERT_FALSE(renderer);
        EXPECT_EQ(renderer.error().code, ErrorCode::usage);
        EXPECT_THAT(renderer.error().message, AllOf(HasSubstr("no column"), HasSubstr("time, conn"),
                                                    testing::Not(HasSubstr("\x1b"))));
    }
    const auto renderer =
        render::select_columns(make_renderer(render::Format::csv, out, {}), kKinds, Ids{"proces"});
    EXPECT_THAT(renderer.error().message, HasSubstr("did you mean process?"));
}

} // namespace
} // namespace tcpdwell::test

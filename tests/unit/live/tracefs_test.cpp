// SPDX-License-Identifier: Apache-2.0
#include "live/tracefs.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include <array>

#include "host/proc_file.h"
#include "in_child.h"
#include "live/capabilities.h"

namespace tcpdwell::test {
namespace {

constexpr std::array names = {live::TracepointName{"sched", "sched_switch"},
                              live::TracepointName{"sched", "no_such_tracepoint"},
                              live::TracepointName{"sched", "sched_process_exit"}};

TEST(Tracefs, ReadsIdsAndLeavesTheMountsAlone) {
    if (!live::has_capability(CAP_SYS_ADMIN)) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
    const auto mounts = host::read_proc_file("/proc/self/mountinfo");
    const auto ids = tracepoint_ids(names);
    ASSERT_TRUE(ids) << ids.error().message;
    ASSERT_EQ(ids->size(), names.size());
    EXPECT_TRUE((*ids)[0]);
    EXPECT_FALSE((*ids)[1]);
    EXPECT_TRUE((*ids)[2]);
    EXPECT_NE((*ids)[0], (*ids)[2]);
    EXPECT_EQ(*mounts, *host::read_proc_file("/proc/self/mountinfo"));
}

TEST(Tracefs, WithoutRightsThereIsAReason) {
    if (::access("/sys/kernel/tracing/events", F_OK) == 0)
        GTEST_SKIP() << "tracefs is mounted and readable";
    EXPECT_TRUE(holds_in_child([] {
        if (!live::drop_capabilities()) return false;
        const auto ids = tracepoint_ids(names);
        return !ids && ids.error().message.find("tracefs") != std::string::npos;
    }));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Facts of the host that the test runs on, as far as they can be known in advance.
#include "live/kernel_support.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "in_child.h"
#include "live/capabilities.h"
#include "live/probe_plan.h"

namespace tcpdwell::test {
namespace {

TEST(KernelVersion, IsReadFromTheRelease) {
    EXPECT_EQ(live::parse_kernel_version("6.1.0-18-amd64"), (live::KernelVersion{6, 1}));
    EXPECT_EQ(live::parse_kernel_version("5.10"), (live::KernelVersion{5, 10}));
    EXPECT_EQ(live::parse_kernel_version("7.0-rc1"), (live::KernelVersion{7, 0}));
    EXPECT_LT(live::parse_kernel_version("5.7.19"), (live::KernelVersion{5, 8}));
    EXPECT_LT(live::parse_kernel_version("5.10.1"), (live::KernelVersion{6, 0}));
    for (const auto* text : {"", "linux", "6", "6.", "x.1"})
        EXPECT_EQ(live::parse_kernel_version(text), live::KernelVersion{}) << text;
}

TEST(KernelSupport, EveryMissingFactHasAReason) {
    const live::KernelSupport support = live::gather_kernel_support();
    utsname host{};
    ASSERT_EQ(::uname(&host), 0);
    EXPECT_EQ(support.release, host.release);
    EXPECT_EQ(support.machine, host.machine);
    EXPECT_GE(support.version, (live::KernelVersion{2, 6}));
    for (const live::Support* fact :
         {&support.memlock, &support.btf, &support.inet_sock_set_state, &support.timer_start,
          &support.timer_cancel, &support.timer_expire_entry, &support.tcp_receive_reset,
          &support.tcp_send_reset, &support.tcp_retransmit_skb, &support.sched_process_fork,
          &support.tracing_programs, &support.functions, &support.socket_cookie,
          &support.tcp_iterator, &support.reset_reason, &support.entry_stamp, &support.stacks,
          &support.sock_diag})
        EXPECT_NE(fact->ok, !fact->why_not.empty()) << fact->why_not;
    for (const live::FunctionFact* fact :
         {&support.tw_timer_handler, &support.reqsk_timer_handler}) {
        const bool found = fact->status == live::FunctionFact::Status::found;
        EXPECT_EQ(found, fact->address != 0);
        EXPECT_NE(found, !fact->why_not.empty());
    }
    EXPECT_EQ(support.accept_id && support.accept4_id, support.why_no_accept.empty());
    for (const live::StackRange& range : support.stack_ranges)
        EXPECT_LT(range.begin, range.end) << range.name;
}

TEST(KernelSupport, WithoutCapabilitiesTracingIsRefused) {
    EXPECT_TRUE(holds_in_child([] {
        if (!live::drop_capabilities()) return false;
        const live::KernelSupport support = live::gather_kernel_support();
        const auto plan = plan_probes(support);
        return !support.tracing_programs && !support.capabilities.bpf && !plan &&
               plan.error().code == ErrorCode::cannot_trace;
    }));
}

} // namespace
} // namespace tcpdwell::test

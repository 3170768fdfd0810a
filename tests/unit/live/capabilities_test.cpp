// SPDX-License-Identifier: Apache-2.0
// Capabilities can't be had back, so each test gives them up in a child process.
#include "live/capabilities.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "host/proc_file.h"
#include "in_child.h"

namespace tcpdwell::test {
namespace {

/// The capabilities of one set as /proc shows them: "CapEff", "CapPrm", ...
std::uint64_t set_in_proc(std::string_view name) {
    const auto status = host::read_proc_file("/proc/self/status");
    const auto at = status->find(std::string(name) + ":\t");
    return std::stoull(status->substr(at + name.size() + 2, 16), nullptr, 16);
}

TEST(Capabilities, DropsAllForGood) {
    EXPECT_TRUE(holds_in_child([] {
        const bool could_shrink_bounds = live::has_capability(CAP_SETPCAP);
        return live::drop_capabilities().has_value() && set_in_proc("CapEff") == 0 &&
               set_in_proc("CapPrm") == 0 && set_in_proc("CapInh") == 0 &&
               set_in_proc("CapAmb") == 0 && (!could_shrink_bounds || set_in_proc("CapBnd") == 0) &&
               ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
               !live::has_capability(CAP_SYS_ADMIN);
    }));
}

TEST(Capabilities, DroppingTwiceIsFine) {
    EXPECT_TRUE(holds_in_child([] {
        return live::drop_capabilities().has_value() && live::drop_capabilities().has_value();
    }));
}

TEST(Capabilities, KeepsWhatIsToBeKept) {
    if (!live::has_capability(CAP_SYS_ADMIN)) GTEST_SKIP() << "needs CAP_SYS_ADMIN to keep it";
    EXPECT_TRUE(holds_in_child([] {
        return live::drop_capabilities({CAP_SYS_ADMIN}).has_value() &&
               live::has_capability(CAP_SYS_ADMIN) && !live::has_capability(CAP_NET_ADMIN) &&
               set_in_proc("CapPrm") == std::uint64_t{1} << CAP_SYS_ADMIN;
    }));
}

TEST(Capabilities, TheUserIdGoesTooAndWhatIsToBeKeptStays) {
    const auto identity = live::unprivileged_identity();
    if (!identity) GTEST_SKIP() << "needs root, which alone has an id to give up";
    EXPECT_NE(identity->uid, 0U);
    EXPECT_TRUE(holds_in_child([&] {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        int death_signal = 0;
        return live::drop_capabilities({CAP_SYS_PTRACE}, identity).has_value() &&
               ::getuid() == identity->uid && ::geteuid() == identity->uid &&
               ::getegid() == identity->gid && ::getgroups(0, nullptr) == 0 &&
               ::setresuid(0, 0, 0) != 0 && ::setresgid(0, 0, 0) != 0 &&
               live::has_capability(CAP_SYS_PTRACE) &&
               set_in_proc("CapPrm") == std::uint64_t{1} << CAP_SYS_PTRACE &&
               ::prctl(PR_GET_PDEATHSIG, &death_signal) == 0 && death_signal == SIGKILL;
    }));
    EXPECT_TRUE(holds_in_child([&] {
        return live::drop_capabilities({}, identity).has_value() && set_in_proc("CapPrm") == 0 &&
               !live::unprivileged_identity();
    }));
}

TEST(Capabilities, WhatIsLackingStaysLacking) {
    EXPECT_TRUE(holds_in_child([] {
        return live::drop_capabilities().has_value() &&
               live::drop_capabilities({CAP_SYS_ADMIN}).has_value() &&
               !live::has_capability(CAP_SYS_ADMIN);
    }));
}

} // namespace
} // namespace tcpdwell::test

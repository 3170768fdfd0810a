// SPDX-License-Identifier: Apache-2.0
// Sockets of this very process.
#include "live/process_owners.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

namespace tcpdwell::test {
namespace {

std::uint64_t inode_of(const Fd& fd) {
    struct stat status {};
    EXPECT_EQ(::fstat(fd.get(), &status), 0);
    return status.st_ino;
}

Fd new_socket() { return Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

TEST(ProcessOwners, FindsAHolderOnceHoweverOftenItIsOpen) {
    const Fd socket = new_socket();
    const Fd again(::dup(socket.get()));
    const auto owners = live::find_socket_owners();
    const auto found = owners.by_inode.find(inode_of(socket));
    ASSERT_NE(found, owners.by_inode.end());
    ASSERT_EQ(found->second.size(), 1u);
    EXPECT_EQ(found->second[0].pid, static_cast<std::uint32_t>(::getpid()));
}

TEST(ProcessOwners, ReadsTheName) {
    char before[TD_COMM_LEN] = {};
    ASSERT_EQ(::prctl(PR_GET_NAME, before), 0);
    const Fd socket = new_socket();
    // /proc ends it with a newline, and this one has another inside.
    for (const std::string name : {"exactly 15 char", "a\nb", ""}) {
        ASSERT_EQ(::prctl(PR_SET_NAME, name.c_str()), 0);
        const auto owners = live::find_socket_owners();
        const event::Process* owner = owners.first(inode_of(socket));
        ASSERT_NE(owner, nullptr);
        EXPECT_EQ(owner->comm(), name);
    }
    ::prctl(PR_SET_NAME, before);
}

TEST(ProcessOwners, KeepsOnlyWhatIsWanted) {
    const Fd one = new_socket();
    const Fd other = new_socket();
    const std::unordered_set<std::uint64_t> wanted = {inode_of(one)};
    const auto owners = live::find_socket_owners(&wanted);
    EXPECT_EQ(owners.by_inode.size(), 1u);
    EXPECT_NE(owners.first(inode_of(one)), nullptr);
    EXPECT_EQ(owners.first(inode_of(other)), nullptr);

    const std::unordered_set<std::uint64_t> nothing;
    EXPECT_TRUE(live::find_socket_owners(&nothing).by_inode.empty());
}

TEST(ProcessOwners, SeveralHoldersByPid) {
    const Fd socket = new_socket();
    const pid_t child = ::fork();
    if (child == 0) {
        for (;;) ::pause();
    }
    const auto owners = live::find_socket_owners();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto found = owners.by_inode.find(inode_of(socket));
    ASSERT_NE(found, owners.by_inode.end());
    ASSERT_EQ(found->second.size(), 2u);
    EXPECT_LT(found->second[0].pid, found->second[1].pid);
    EXPECT_EQ(owners.first(inode_of(socket))->pid, found->second[0].pid);
}

} // namespace
} // namespace tcpdwell::test

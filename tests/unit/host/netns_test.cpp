// SPDX-License-Identifier: Apache-2.0
// Namespaces of this process, and as root of a child that has one of its own.
#include "host/netns.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <string>

namespace tcpdwell::test {
namespace {

std::uint32_t inode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return static_cast<std::uint32_t>(status.st_ino);
}

/// A process that sits in a network namespace of its own until the end of the scope.
class OtherNamespace {
public:
    OtherNamespace() {
        int ready[2];
        EXPECT_EQ(::pipe(ready), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            const char done = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
            if (::write(ready[1], &done, 1) != 1) ::_exit(1);
            for (;;) ::pause();
        }
        ::close(ready[1]);
        char done = 0;
        ok_ = ::read(ready[0], &done, 1) == 1 && done == 'y';
        ::close(ready[0]);
    }
    ~OtherNamespace() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::string pid() const { return std::to_string(pid_); }
    [[nodiscard]] std::uint32_t inode() const { return inode_of("/proc/" + pid() + "/ns/net"); }

private:
    pid_t pid_ = -1;
    bool ok_ = false;
};

TEST(Netns, TheOwnOneComesFirst) {
    const auto namespaces = host::list_network_namespaces();
    ASSERT_FALSE(namespaces.empty());
    EXPECT_TRUE(namespaces[0].own);
    EXPECT_EQ(namespaces[0].inode, inode_of("/proc/self/ns/net"));
    EXPECT_TRUE(namespaces[0].fd);
    EXPECT_EQ(std::count_if(namespaces.begin(), namespaces.end(),
                            [](const auto& each) { return each.own; }),
              1);
    EXPECT_EQ(host::own_netns_inode().value_or(0), namespaces[0].inode);
}

TEST(Netns, ResolvesInodePidAndPath) {
    const std::uint32_t own = inode_of("/proc/self/ns/net");
    EXPECT_EQ(host::resolve_netns(std::to_string(own)).value_or(0), own);
    EXPECT_EQ(host::resolve_netns(std::to_string(::getpid())).value_or(0), own);
    EXPECT_EQ(host::resolve_netns("/proc/self/ns/net").value_or(0), own);
}

TEST(Netns, WhatIsNoneSaysSo) {
    for (const std::string text : {"foo", "", "..", "4294967295", "99999999999", "-1",
                                   "/proc/self/ns/mnt", "/etc/passwd", "/no/such"}) {
        const auto inode = host::resolve_netns(text);
        ASSERT_FALSE(inode) << text;
        EXPECT_EQ(inode.error().code, ErrorCode::usage);
        EXPECT_EQ(inode.error().message,
                  "--netns " + text +
                      ": no such network namespace; 'ip netns list' shows the named ones");
    }
}

TEST(Netns, FindsThoseOfOtherProcesses) {
    const OtherNamespace other;
    if (!other.ok()) GTEST_SKIP() << "needs CAP_SYS_ADMIN to make a network namespace";
    const auto namespaces = host::list_network_namespaces();
    const auto found = std::find_if(namespaces.begin(), namespaces.end(),
                                    [&](const auto& each) { return each.inode == other.inode(); });
    ASSERT_NE(found, namespaces.end());
    EXPECT_FALSE(found->own);
    EXPECT_EQ(host::resolve_netns(other.pid()).value_or(0), other.inode());
    EXPECT_EQ(host::resolve_netns(std::to_string(other.inode())).value_or(0), other.inode());
}

TEST(Netns, TheGuardGoesThereAndBack) {
    const OtherNamespace other;
    if (!other.ok()) GTEST_SKIP() << "needs CAP_SYS_ADMIN to make a network namespace";
    const std::uint32_t home = inode_of("/proc/thread-self/ns/net");
    for (const auto& each : host::list_network_namespaces()) {
        const auto guard = host::NetnsGuard::enter(each.fd.get());
        ASSERT_TRUE(guard) << guard.error().message;
        EXPECT_EQ(inode_of("/proc/thread-self/ns/net"), each.inode);
        EXPECT_EQ(host::own_netns_inode().value_or(0), each.inode);
    }
    EXPECT_EQ(inode_of("/proc/thread-self/ns/net"), home);
}

TEST(Netns, TheGuardRefusesWhatIsNoNamespace) {
    const auto guard = host::NetnsGuard::enter(STDIN_FILENO);
    ASSERT_FALSE(guard);
    EXPECT_NE(guard.error().message.find("cannot enter"), std::string::npos);
}

} // namespace
} // namespace tcpdwell::test

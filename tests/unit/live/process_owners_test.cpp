// SPDX-License-Identifier: Apache-2.0
// Sockets of this very process.
#include "live/process_owners.h"

#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

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

/// A process that `body` makes of a child, from when it says so until this ends.
class Holder {
public:
    explicit Holder(const std::function<void()>& body) {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            body();
            static_cast<void>(!::write(ends[1], "", 1));
            ::syscall(SYS_exit, 0); // of this thread alone
        }
        ::close(ends[1]);
        char byte = 0;
        EXPECT_EQ(::read(ends[0], &byte, 1), 1);
        ::close(ends[0]);
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

private:
    pid_t pid_;
};

TEST(ProcessOwners, FindsAProcessWhoseFirstThreadHasEnded) {
    Fd socket = new_socket();
    const std::uint64_t inode = inode_of(socket);
    const Holder child([] {
        pthread_t thread{};
        ::pthread_create(
            &thread, nullptr,
            [](void*) -> void* {
                for (;;) ::pause();
            },
            nullptr);
    });
    socket.reset();
    // The thread that has written to the pipe may still be on its way out.
    const event::Process* owner = nullptr;
    live::SocketOwners owners;
    for (int i = 0; i < 100 && owner == nullptr; ++i) {
        ::usleep(10'000);
        owners = live::find_socket_owners();
        owner = owners.first(inode);
    }
    ASSERT_NE(owner, nullptr);
    EXPECT_EQ(owner->pid, child.pid());
    std::ifstream state("/proc/" + std::to_string(child.pid()) + "/status");
    const std::string text{std::istreambuf_iterator<char>(state), {}};
    EXPECT_NE(text.find("Z (zombie)"), std::string::npos) << text;
}

TEST(ProcessOwners, FindsSocketsThatAreRegisteredWithAnIoUring) {
    io_uring_params parameters{};
    const Fd ring(static_cast<int>(::syscall(SYS_io_uring_setup, 8, &parameters)));
    if (!ring) GTEST_SKIP() << "no io_uring here: " << std::strerror(errno);
    Fd socket = new_socket();
    const std::uint64_t inode = inode_of(socket);
    int fd = socket.get();
    ASSERT_EQ(::syscall(SYS_io_uring_register, ring.get(), IORING_REGISTER_FILES, &fd, 1), 0);
    socket.reset();
    const auto owners = live::find_socket_owners();
    ASSERT_NE(owners.first(inode), nullptr);
    EXPECT_EQ(owners.first(inode)->pid, static_cast<std::uint32_t>(::getpid()));
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What a confined process can't do any more, each check in a child process.
#include "live/syscall_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "base/fd.h"
#include "base/memory_checks.h"
#include "host/proc_file.h"
#include "in_child.h"
#include "live/capabilities.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

bool is_refused(long outcome) { return outcome == -1 && errno == EPERM; }

/// Pages, made executable.
long make_code() {
    void* pages = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? 0 : ::mprotect(pages, 4096, PROT_READ | PROT_EXEC);
}

class SyscallFilterTest : public testing::Test {
protected:
    void SetUp() override {
        if (kChecksMemory) GTEST_SKIP() << "what checks memory needs other calls";
    }
    [[nodiscard]] bool confined_as_tracer(live::TracerRights rights) const {
        return live::drop_capabilities().has_value() &&
               live::confine_tracer(::getpid(), rights).has_value() &&
               ::prctl(PR_GET_SECCOMP) == -1; // that, too, is refused
    }
    TemporaryFolder folder_;
    std::string file_ = folder_.path() / "file";
    std::string other_ = folder_.path() / "other";
};

TEST_F(SyscallFilterTest, a_tracer_makes_nothing_and_starts_nothing) {
    EXPECT_TRUE(holds_in_child([&] {
        return confined_as_tracer({}) &&
               is_refused(::open(file_.c_str(), O_WRONLY | O_CREAT, 0600)) &&
               is_refused(::open("/dev/null", O_RDWR)) &&
               is_refused(::mkdir(other_.c_str(), 0700)) && is_refused(::unlink(file_.c_str())) &&
               is_refused(::rename(file_.c_str(), other_.c_str())) &&
               is_refused(::socket(AF_INET, SOCK_STREAM, 0)) &&
               is_refused(::socket(AF_NETLINK, SOCK_RAW, 0)) && is_refused(::fork()) &&
               is_refused(::execl("/bin/true", "true", nullptr)) && is_refused(make_code()) &&
               is_refused(::kill(::getppid(), SIGTERM)) && is_refused(::setuid(0)) &&
               is_refused(::chdir("/"));
    }));
}

TEST_F(SyscallFilterTest, a_tracer_reads_waits_and_signals_its_sampler) {
    EXPECT_TRUE(holds_in_child([&] {
        return confined_as_tracer({}) && host::read_proc_file("/proc/self/status") &&
               host::open_directory("/proc") && ::kill(::getpid(), 0) == 0 && ::usleep(1) == 0;
    }));
}

TEST_F(SyscallFilterTest, a_recorder_makes_files_and_removes_them) {
    EXPECT_TRUE(holds_in_child([&] {
        const Fd folder(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY));
        if (!confined_as_tracer({.makes_files = true})) return false;
        const Fd made(::openat(folder.get(), "file", O_WRONLY | O_CREAT | O_EXCL, 0600));
        return made && ::mkdirat(folder.get(), "saved", 0700) == 0 &&
               ::linkat(folder.get(), "file", folder.get(), "link", 0) == 0 &&
               ::unlinkat(folder.get(), "file", 0) == 0 &&
               ::unlinkat(folder.get(), "saved", AT_REMOVEDIR) == 0 &&
               is_refused(::rename(file_.c_str(), other_.c_str())) && is_refused(::fork()) &&
               is_refused(::chmod(other_.c_str(), 0666));
    }));
}

TEST_F(SyscallFilterTest, a_server_accepts_where_it_listens_and_connects_nowhere) {
    EXPECT_TRUE(holds_in_child([&] {
        const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        const Fd unused(::socket(AF_INET, SOCK_STREAM, 0));
        if (::listen(listener.get(), 1) != 0 || !confined_as_tracer({.serves = true})) return false;
        const bool may_accept =
            ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC) < 0 && errno == EAGAIN;
        sockaddr_in nowhere{};
        nowhere.sin_family = AF_INET;
        const auto* const address = reinterpret_cast<const sockaddr*>(&nowhere);
        return may_accept && is_refused(::socket(AF_INET, SOCK_STREAM, 0)) &&
               is_refused(::bind(unused.get(), address, sizeof(nowhere))) &&
               is_refused(::listen(unused.get(), 1)) &&
               is_refused(::connect(unused.get(), address, sizeof(nowhere))) &&
               is_refused(::open(file_.c_str(), O_WRONLY | O_CREAT, 0600)) && is_refused(::fork());
    }));
}

TEST_F(SyscallFilterTest, a_sampler_asks_the_kernel_only) {
    EXPECT_TRUE(holds_in_child([&] {
        return live::drop_capabilities().has_value() && live::confine_sampler().has_value() &&
               is_refused(::open(file_.c_str(), O_WRONLY | O_CREAT, 0600)) &&
               is_refused(::socket(AF_INET, SOCK_STREAM, 0)) &&
               Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)) && is_refused(::fork()) &&
               is_refused(::kill(::getppid(), SIGTERM)) && is_refused(make_code()) &&
               host::read_proc_file("/proc/self/status").has_value();
    }));
}

TEST_F(SyscallFilterTest, a_sender_reaches_servers_and_its_files_and_starts_threads_only) {
    EXPECT_TRUE(holds_in_child([&] {
        const Fd folder(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY));
        if (!live::drop_capabilities() || !live::confine_sender()) return false;
        int ran = 0;
        std::thread([&] { ran = 1; }).join();
        const Fd made(::openat(folder.get(), "file", O_WRONLY | O_CREAT | O_EXCL, 0600));
        return ran == 1 && made && ::renameat(folder.get(), "file", folder.get(), "other") == 0 &&
               ::unlinkat(folder.get(), "other", 0) == 0 &&
               Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) &&
               Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)) &&
               is_refused(::socket(AF_PACKET, SOCK_RAW, 0)) && is_refused(::fork()) &&
               is_refused(::listen(folder.get(), 1)) &&
               is_refused(::execl("/bin/true", "true", nullptr)) && is_refused(make_code()) &&
               is_refused(::kill(::getppid(), SIGTERM)) && is_refused(::setuid(0)) &&
               is_refused(::chmod(file_.c_str(), 0666)) &&
               is_refused(::link(file_.c_str(), other_.c_str()));
    }));
}

} // namespace
} // namespace tcpdwell::test

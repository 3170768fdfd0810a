// SPDX-License-Identifier: Apache-2.0
#include "recording/byte_window.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/fd.h"

namespace tcpdwell::test {
namespace {

void ignore_alarm(int) {}

/// Signals every few milliseconds, which end system calls that wait.
class Alarms {
public:
    Alarms() {
        struct sigaction action {};
        action.sa_handler = ignore_alarm;
        ::sigaction(SIGALRM, &action, &before_);
        set(5'000);
    }
    ~Alarms() {
        set(0);
        ::sigaction(SIGALRM, &before_, nullptr);
    }

private:
    static void set(int microseconds) {
        const itimerval interval{{0, microseconds}, {0, microseconds}};
        ::setitimer(ITIMER_REAL, &interval, nullptr);
    }
    struct sigaction before_ {};
};

TEST(ByteWindow, signal_does_not_end_waiting) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const Fd in(ends[0]);
    Fd out(ends[1]);
    const Alarms alarms;
    std::thread writer([&] {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr); // the reader is to get them
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_EQ(::write(out.get(), "abc", 3), 3);
        out.reset();
    });
    recording::ByteWindow window(in.get(), "a pipe");
    const auto seen = window.look(10);
    writer.join();
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_EQ(*seen, "abc");
}

TEST(ByteWindow, end_is_an_end_whatever_happened_before) {
    const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    recording::ByteWindow window(nothing.get(), "nothing");
    errno = EINTR;
    const auto seen = window.look(10);
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->empty());
}

TEST(ByteWindow, what_cannot_be_read_is_an_error) {
    const Fd folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    recording::ByteWindow window(folder.get(), "a folder");
    const auto seen = window.look(10);
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().error_number, EISDIR);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// A host that hides the addresses of its kernel's functions is traced like any other.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <string>

#include "netns.h"
#include "process_facts.h"
#include "sockets.h"
#include "support/check.h"
#include "support/moment.h"
#include "support/program.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);

// Puts a sysctl back, whatever becomes of the test: a child waits for the end of it.
class SysctlChange {
public:
    SysctlChange(const std::string& path, const std::string& value) : before_(read_file(path)) {
        std::array<int, 2> ends{};
        check(pipe2(ends.data(), O_CLOEXEC), "pipe2");
        read_ = Fd(ends[0]);
        write_ = Fd(ends[1]);
        restorer_ = check(fork(), "fork");
        if (restorer_ == 0) {
            setsid();
            write_.reset();
            char byte = 0;
            while (read(read_.get(), &byte, 1) < 0 && errno == EINTR) {}
            std::ofstream(path) << before_ << std::flush;
            _exit(0);
        }
        read_.reset();
        changed_ = static_cast<bool>(std::ofstream(path) << value << std::flush);
    }
    SysctlChange(const SysctlChange&) = delete;
    SysctlChange& operator=(const SysctlChange&) = delete;
    ~SysctlChange() {
        write_.reset();
        waitpid(restorer_, nullptr, 0);
    }
    [[nodiscard]] bool changed() const { return changed_; }

private:
    std::string before_;
    Fd read_;
    Fd write_;
    pid_t restorer_ = -1;
    bool changed_ = false;
};

TEST(HiddenAddresses, dontHideTimeWait) {
    enter_new_netns();
    const std::string path = "/proc/sys/kernel/kptr_restrict";
    const std::string before = read_file(path);
    {
        const SysctlChange hidden(path, "2");
        ASSERT_TRUE(hidden.changed());
        Program tracer({tcpdwell_path(), "trace", "--format", "jsonl", "--netns",
                        std::to_string(current_netns()), "--connections"});
        ASSERT_TRUE(tracer.await_saying("tracing", kPatience)) << tracer.said();
        const Fd listener = listen_on({"127.0.0.1", 0});
        open_and_close(listener);
        pause(200ms);
        EXPECT_EQ(tracer.stop(SIGINT, kPatience), 0) << tracer.said();
        EXPECT_NE(tracer.printed().find("\"TIME_WAIT\""), std::string::npos) << tracer.printed();
        EXPECT_NE(tracer.printed().find("\"SYN_RECV\""), std::string::npos) << tracer.printed();
    }
    EXPECT_EQ(read_file(path), before);
}

} // namespace

} // namespace tcpdwell::test

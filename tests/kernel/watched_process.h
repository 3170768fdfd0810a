// SPDX-License-Identifier: Apache-2.0
// A process whose system calls are watched with ptrace(2), to see which of them are refused.
#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace tcpdwell::test {

/// Runs a process to its end, and sees each system call of it and of its children.
class WatchedProcess {
public:
    /// `act` in a child; it isn't to return.
    explicit WatchedProcess(const std::function<void()>& act);

    /// The exit status. `tick` is called at every stop.
    template <class Tick>
    int run(const Tick& tick) {
        int status = 0;
        for (pid_t pid = 0; (pid = waitpid(-1, &status, __WALL)) > 0;) {
            tick(*this);
            if (WIFEXITED(status) || WIFSIGNALED(status)) {
                if (pid == first_) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
                continue;
            }
            int signal = 0;
            if (WSTOPSIG(status) == (SIGTRAP | 0x80))
                note_call(pid);
            else if (status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP &&
                     WSTOPSIG(status) != SIGSTOP)
                signal = WSTOPSIG(status);
            ptrace(PTRACE_SYSCALL, pid, nullptr, signal);
        }
        return -1;
    }
    [[nodiscard]] pid_t pid() const { return first_; }

    std::map<std::string, int> refused;    ///< process and number of the call -> how often
    std::map<pid_t, std::size_t> confined; ///< calls of each confined process, or thread

private:
    void note_call(pid_t pid);

    pid_t first_;
    std::map<pid_t, std::uint64_t> calls_; // under way
};

} // namespace tcpdwell::test

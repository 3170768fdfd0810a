// SPDX-License-Identifier: Apache-2.0
#include "watched_process.h"

#include <sys/ptrace.h>
#include <unistd.h>

#include <cerrno>

#include "process_facts.h"
#include "support/check.h"

namespace tcpdwell::test {

WatchedProcess::WatchedProcess(const std::function<void()>& act) : first_(check(::fork(), "fork")) {
    if (first_ == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        act();
        _exit(127);
    }
    int status = 0;
    check(waitpid(first_, &status, 0), "waitpid");
    check(ptrace(PTRACE_SETOPTIONS, first_, nullptr,
                 PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE |
                     PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL),
          "PTRACE_SETOPTIONS");
    ptrace(PTRACE_SYSCALL, first_, nullptr, nullptr);
}

void WatchedProcess::note_call(pid_t pid) {
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        calls_[pid] = info.entry.nr;
        return;
    }
    if (info.op != PTRACE_SYSCALL_INFO_EXIT) return;
    if (!confined.contains(pid) && status_of(pid, "Seccomp") != "2") return;
    ++confined[pid];
    if (info.exit.is_error != 0 && info.exit.rval == -EPERM)
        ++refused[read_file("/proc/" + std::to_string(pid) + "/comm") + " " +
                  std::to_string(calls_[pid])];
}

} // namespace tcpdwell::test

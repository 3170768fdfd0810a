// SPDX-License-Identifier: Apache-2.0
// Something done in a child process that has little memory and little time.
#pragma once

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <new>
#include <string>

#include "base/memory_checks.h"

namespace tcpdwell::test {

inline constexpr bool kMemoryCanBeLimited = !kChecksMemory;

/// What readers promise (reader.h).
inline constexpr std::size_t kMostMemory = 128 << 20;

/// CPU seconds that only what doesn't end can use up: all that is done here takes a few, even where
/// it is slow.
inline constexpr rlim_t kEndless = 60;

/// Does it in a child with kMostMemory more than this process has now; what became of it, "" if it
/// returned true.
inline std::string bounded_run(const std::function<bool()>& act) {
    constexpr int no_memory = 9;
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (kMemoryCanBeLimited) {
            ::mallopt(M_MMAP_THRESHOLD, 256 << 10); // what is large goes back when it is freed
            ::malloc_trim(0);                       // and nothing is left over from before
            rlim_t pages = 0;
            std::ifstream("/proc/self/statm") >> pages;
            const rlim_t most = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + kMostMemory;
            const rlimit limit{most, most};
            ::setrlimit(RLIMIT_AS, &limit);
        }
        const rlimit time{kEndless, kEndless};
        ::setrlimit(RLIMIT_CPU, &time);
        try {
            ::_exit(act() ? 0 : 1);
        } catch (const std::bad_alloc&) {
            ::_exit(no_memory);
        }
    }
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return "there is no child";
    if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
    if (WEXITSTATUS(status) == no_memory) return "wanted more memory";
    return WEXITSTATUS(status) == 0 ? "" : "another result";
}

} // namespace tcpdwell::test

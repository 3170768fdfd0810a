// SPDX-License-Identifier: Apache-2.0
// Runs a check in a forked process, for what can't be undone in the own one.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace tcpdwell::test {

template <class Check>
bool holds_in_child(Check check) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(check() ? 0 : 1);
    int status = -1;
    return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

} // namespace tcpdwell::test

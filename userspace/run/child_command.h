// SPDX-License-Identifier: Apache-2.0
// The command after `--`: started early, with the privileges that we are about to drop, and
// released once tracing is active.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace tcpdwell::run {

class ChildCommand {
public:
    /// Forks; the child waits for go(). `words` isn't empty.
    static Result<ChildCommand> prepare(const std::vector<std::string>& words);
    ChildCommand(ChildCommand&& other) noexcept;
    ChildCommand& operator=(ChildCommand&&) = delete;
    ~ChildCommand(); ///< a command that was never released exits without having run

    void go();
    /// Exit status as a shell gives it (128 + signal; 127 not found, 126 not executable) once the
    /// command has ended.
    std::optional<int> poll();
    /// Sends it a signal, if it has been released and hasn't ended.
    void signal(int number);

private:
    ChildCommand(pid_t pid, Fd gate) : pid_(pid), gate_(std::move(gate)) {}

    pid_t pid_;
    Fd gate_;
    std::optional<int> status_;
};

} // namespace tcpdwell::run

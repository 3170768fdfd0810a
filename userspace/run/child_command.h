// SPDX-License-Identifier: Apache-2.0
// The command after `--`: started early, with the privileges that we are about to drop, and
// released once tracing is active.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace tcpdwell::run {

/// Who a command runs as.
struct CommandUser {
    std::string name;
    uid_t uid;
    gid_t gid;
};
/// Looks a user up. ErrorCode::usage if there is none of this name, cannot_trace if this process
/// can't become that user.
Result<CommandUser> find_command_user(const std::string& name);

/// Where what a command prints goes: where ours would, or to standard error, as our standard output
/// has a recording.
enum class CommandOutput { inherited, to_stderr };

class ChildCommand {
public:
    /// Forks; the child waits for go(). `words` isn't empty. With a user, the command has the user
    /// id, the group and the supplementary groups of that one; else it stays who we are now.
    static Result<ChildCommand> prepare(const std::vector<std::string>& words,
                                        const std::optional<CommandUser>& user = std::nullopt,
                                        CommandOutput output = CommandOutput::inherited);
    ChildCommand(ChildCommand&& other) noexcept;
    ChildCommand& operator=(ChildCommand&&) = delete;
    ~ChildCommand(); ///< a command that was never released exits without having run

    void go();
    /// Exit status as a shell gives it (128 + signal; 127 not found, 126 not executable) once the
    /// command has ended.
    std::optional<int> poll();
    /// Sends it a signal, if it has been released and hasn't ended.
    void signal(int number);
    /// From now on `other` sends the signals, with rights that we give up.
    void signal_through(std::function<void(int)> other) { signaller_ = std::move(other); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// In another child of ours: the command isn't to wait for that one.
    void close_gate() { gate_.reset(); }

private:
    ChildCommand(pid_t pid, Fd gate) : pid_(pid), gate_(std::move(gate)) {}

    pid_t pid_;
    Fd gate_;
    std::optional<int> status_;
    std::function<void(int)> signaller_; ///< none: we do
};

} // namespace tcpdwell::run

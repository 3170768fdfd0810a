// SPDX-License-Identifier: Apache-2.0
// Any program as a child process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"

namespace tcpdwell::test {

/// Where `name` is installed, looked for in $PATH and where Debian keeps servers; "" if it isn't.
std::string find_program(const std::string& name);

/// Raises the limit of open descriptors as far as this process may.
void allow_many_descriptors();

/// Whether a program that a test needs may be missing. Where CI=true everything is installed, or
/// something is wrong.
bool may_be_missing();

class Program {
public:
    struct Setting {
        int out = -1; ///< becomes stdout; -1: what is printed is kept
        std::function<void()> before_exec = [] {
        };                   ///< in the child; only what a fork of a threaded process may do
        int executable = -1; ///< executed instead of the first word, which then is only a name
    };

    /// Starts it; the first word is looked for in $PATH. The child dies with the calling thread.
    /// Throws std::system_error if there can be no child; one that can't execute anything exits
    /// with 127.
    explicit Program(std::vector<std::string> words) : Program(std::move(words), Setting()) {}
    Program(std::vector<std::string> words, const Setting& setting);
    Program(Program&& other) noexcept;
    Program& operator=(Program&&) = delete;
    ~Program(); ///< kills it if it still runs

    /// Its exit status once it has ended by itself; -1 if it was killed by a signal or (then by us)
    /// after `limit`.
    int wait(std::chrono::nanoseconds limit);
    /// Sends the signal, then waits.
    int stop(int signal, std::chrono::nanoseconds limit);
    /// What it has printed so far, from that byte on; nothing where Setting::out was given.
    [[nodiscard]] std::string printed(std::size_t from = 0) const;
    /// What it has said on stderr so far.
    [[nodiscard]] std::string said() const;
    /// Whether it says `text` on stderr within `limit`, while it runs.
    bool await_saying(const std::string& text, std::chrono::nanoseconds limit);
    [[nodiscard]] bool has_ended() const;
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1; ///< -1: has ended
    int status_ = -1;
    Fd out_;
    Fd err_;
};

/// Runs it to its end; the exit status, or -1 as in Program::wait().
int run(const std::vector<std::string>& words,
        std::chrono::nanoseconds limit = std::chrono::seconds(30));

} // namespace tcpdwell::test

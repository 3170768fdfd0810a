// SPDX-License-Identifier: Apache-2.0
// A child process that does things on command.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/fd.h"
#include "lines.h"

namespace tcpdwell::test {

class Child {
public:
    /// What a child does: waits for orders from its parent, and says when it has done something.
    class Script {
    public:
        explicit Script(const Fd& line) : line_(line) {}
        void await_order() const;
        void report_done() const;
        /// A descriptor that the parent hands over by Child::pass().
        [[nodiscard]] Fd await_descriptor() const;

    private:
        const Fd& line_;
    };

    /// Forks; the child's name is `comm`. It ends when `body` returns or throws.
    Child(const char* comm, const std::function<void(const Script&)>& body);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child(); ///< kills it if it still runs

    [[nodiscard]] Task task() const { return task_; }
    void order() const;
    /// Throws std::system_error if the child has died.
    void await_done() const;
    /// SCM_RIGHTS
    void pass(const Fd& descriptor) const;
    /// SIGKILL, and waits for the end.
    void kill_it();
    /// Waits for the end.
    void await_exit();

private:
    Task task_;
    Fd line_;
};

} // namespace tcpdwell::test

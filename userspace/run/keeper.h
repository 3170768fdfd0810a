// SPDX-License-Identifier: Apache-2.0
// A small process that keeps the user id which the main process gives up, and does what takes it:
// signals the command, and gives the file its name that is published at the end. Its requests are
// of one byte, and it reads nothing else.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "base/fd.h"
#include "base/pending_file.h"
#include "base/result.h"

namespace tcpdwell::run {

struct KeeperDuties {
    pid_t command = 0;           ///< may be sent signals; 0: none
    PendingFile* file = nullptr; ///< may be published, or is removed; nullptr: none
    /// Called in the keeper first: to close what isn't its own, and to give up rights.
    std::function<void()> in_child = [] {};
};

class Keeper {
public:
    /// Forks. Before privileges are given up, and before anything is open that is to end with the
    /// main process.
    static Result<std::shared_ptr<Keeper>> start(const KeeperDuties& duties);
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;
    /// Ends it. A file that hasn't been published is gone then, as it is if the main process is
    /// killed.
    ~Keeper();

    /// To the command, which must not have been waited for.
    void signal(int number);
    Result<void> publish();

private:
    Keeper(pid_t pid, Fd line) : pid_(pid), line_(std::move(line)) {}
    void send(unsigned char request);

    pid_t pid_;
    Fd line_;
};

} // namespace tcpdwell::run

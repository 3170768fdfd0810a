// SPDX-License-Identifier: Apache-2.0
// What a forked child that doesn't call exec(3) does, and nothing of its parent's.
#pragma once

#include <unistd.h>

#include <exception>

#include "base/log.h"

namespace tcpdwell {

/// Runs `act` and ends the process with what it returns. No exception leaves it: it would unwind
/// the child's copy of the parent's frames, whose destructors remove files that are still wanted.
template <class Act>
[[noreturn]] void exit_with(const Act& act) noexcept {
    int status = 1;
    try {
        status = act();
    } catch (const std::exception& error) {
        try {
            print_error(error.what());
        } catch (...) { // no memory, say; the status has to do
            status = 1;
        }
    } catch (...) {
        status = 1;
    }
    ::_exit(status);
}

} // namespace tcpdwell

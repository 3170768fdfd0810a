// SPDX-License-Identifier: Apache-2.0
// Sender's child: starts the process that sends, and another one when that is killed or crashes.
// The main process can't: by then it has given up its user and may start no process.
#pragma once

#include <sys/types.h>

#include <string>

#include "store/main_process.h"
#include "store/outbox.h"
#include "store/sender_options.h"

namespace tcpdwell::store {

/// Of a status of waitpid(2): "signal 9", "exit status 1".
std::string end_text(int status);

/// In the child; `line` is its end of the line to `parent`. It ends when `parent` is over, or with
/// the status of a process that can't send at all. If it is killed, the process that sends is too.
[[noreturn]] void run_supervisor(const Outbox& outbox, const SenderOptions& options,
                                 SharedPage& page, int line, pid_t parent) noexcept;

} // namespace tcpdwell::store

// SPDX-License-Identifier: Apache-2.0
// What the process does that sends.
#pragma once

#include <string>

#include "store/main_process.h"
#include "store/outbox.h"
#include "store/sender_options.h"

namespace tcpdwell::store {

/// Its exit status where it has reported why it can't send at all: another one couldn't either.
inline constexpr int kCannotSend = 2;

/// The modules for looking up names that the C library would load at the first name, which a
/// process that has given up its rights can't.
void load_name_services();

/// Until the main process is over (0), or kCannotSend. What an earlier process had claimed that was
/// killed is sent again. `crashing`: the batch that earlier ones crashed with, "" if there is none:
/// it is tried after another one has been accepted.
int send_batches(Outbox outbox, const SenderOptions& options, const std::string& crashing,
                 MainProcess& main);

} // namespace tcpdwell::store

// SPDX-License-Identifier: Apache-2.0
// What the process does that sends: Sender's child.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "store/client.h"
#include "store/outbox.h"
#include "store/sender_options.h"

namespace tcpdwell::store {

/// The page that both processes see. Whatever ends one of them, the other can use it.
struct SharedPage {
    std::atomic<std::uint64_t> sent_batches;
    std::atomic<std::uint64_t> sent_rows;
    std::atomic<std::uint64_t> rejected_batches;
    std::atomic<std::uint64_t> rejected_rows;
    std::atomic<std::uint64_t> removed_rows;
    std::atomic<std::uint64_t> failed_tries;
    std::atomic<SendTrouble> trouble;
    std::atomic<bool> is_busy;      ///< has a batch that may be gone and isn't counted yet
    std::atomic<bool> is_finishing; ///< waiting between tries is cut short
    std::atomic<bool> is_ending;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// To poll(2), rounded up.
int poll_time(Nanoseconds time);

/// In the child; `line` is its end of the line to `parent`.
[[noreturn]] void run_in_child(Outbox outbox, const SenderOptions& options, SharedPage& page,
                               int line, pid_t parent) noexcept;

} // namespace tcpdwell::store

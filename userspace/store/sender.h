// SPDX-License-Identifier: Apache-2.0
// A forked process that sends what is in the spool, oldest first, and removes a batch when the
// server has it; and its supervisor, which starts another one when it is killed or crashes. The
// main process may give up all rights afterwards, and never waits for the network.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "store/client.h"
#include "store/sender_options.h"
#include "store/spool.h"

namespace tcpdwell::store {

/// Since the sender began.
struct SenderCounts {
    std::uint64_t sent_batches = 0;
    std::uint64_t sent_rows = 0;
    std::uint64_t rejected_batches = 0;
    std::uint64_t rejected_rows = 0;
    std::uint64_t removed_rows = 0; ///< of rejected batches, to make room for later ones
    std::uint64_t failed_tries = 0; ///< of sending, and processes that didn't end as intended
    SendTrouble trouble = SendTrouble::none; ///< why nothing is sent just now
};

class Sender {
public:
    /// Forks: before rights are given up, before there are threads, and before anything is open
    /// that is to end with the main process.
    static Result<Sender> start(const Spool& spool, const SenderOptions& options);
    Sender(Sender&&) noexcept;
    Sender& operator=(Sender&&) noexcept;
    /// Ends both; what isn't sent stays.
    ~Sender();

    /// A batch was added.
    void wake();
    [[nodiscard]] SenderCounts counts() const;
    /// Whether the supervisor is there: it alone has nobody who starts another one, and ends if
    /// sending is impossible. When it is found to be gone that is said, once.
    [[nodiscard]] bool is_running();
    /// For the end: tries at once, and often. Waits until all is sent or refused (true), the time
    /// is over, or `is_stopped` (false). An error: the supervisor is gone.
    [[nodiscard]] Result<bool> drain(
        Nanoseconds limit, const std::function<bool()>& is_stopped = [] { return false; });
    /// Of the supervisor, whose child sends.
    [[nodiscard]] pid_t pid() const;

private:
    class Impl;
    explicit Sender(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace tcpdwell::store

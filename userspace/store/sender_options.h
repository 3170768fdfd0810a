// SPDX-License-Identifier: Apache-2.0
// How batches are sent, and how often what fails is tried again.
#pragma once

#include <cstdint>
#include <functional>

#include "base/time.h"
#include "store/client.h"
#include "store/server_url.h"

namespace tcpdwell::store {

/// Between tries that fail: doubled each time.
struct BackOff {
    Nanoseconds shortest = std::chrono::seconds(1);
    Nanoseconds longest = std::chrono::minutes(5);

    /// After so many failures in a row (1: the first). `random` spreads it evenly from half of the
    /// time to all of it, so that a thousand hosts don't come back at once.
    [[nodiscard]] Nanoseconds wait(std::uint64_t failures, std::uint64_t random) const;
};

struct SenderOptions {
    ServerUrl server;
    ClientOptions client; ///< is_stopped is the sender's own
    BackOff back_off;
    BackOff restarts{std::chrono::seconds(1), std::chrono::minutes(1)}; ///< after an unwanted end
    /// Called in the supervisor first, to give up rights. The process that sends inherits that.
    std::function<void()> in_supervisor = [] {};
    /// Called in each process that sends, before it does.
    std::function<void()> in_child = [] {};
};

} // namespace tcpdwell::store

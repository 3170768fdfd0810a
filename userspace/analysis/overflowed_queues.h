// SPDX-License-Identifier: Apache-2.0
// Which accept queue overflowed: the kernel counts overflows for a whole network namespace.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/findings.h"

namespace tcpdwell::analysis {

struct OverflowedQueues {
    /// One, or those that it may have been, the most likely first; none where there are too many.
    std::vector<const AcceptQueue*> queues;
    bool is_certain = false; ///< no other listener's can have
    /// The filter selects no listener in that namespace.
    bool is_outside = false;
};

/// Clients on this host whose SYN to that listener was sent again.
std::uint64_t delayed_clients(const RuleInput& evidence, const AcceptQueue& queue);
/// Provided that one did.
OverflowedQueues overflowed_queues(const RuleInput& evidence, std::uint32_t netns);

} // namespace tcpdwell::analysis

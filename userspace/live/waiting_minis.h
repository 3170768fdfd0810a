// SPDX-License-Identifier: Apache-2.0
// The mini-sockets last seen in FIN_WAIT2. They may go to TIME_WAIT without an event of their
// timers (it stays in its bucket of the wheel), so where timers are all that is watched they have
// to be looked at again: sweeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "live/mini_key.h"

namespace tcpdwell::live {

class WaitingMinis {
public:
    /// `needed`: false where every change has an event (the probe set `fentry`): the set then stays
    /// empty.
    explicit WaitingMinis(bool needed) : needed_(needed) {}

    /// Looks at a record of the event stream.
    void on_event(std::span<const std::byte> record);
    /// Looks at a record of the sampler. False if it adds nothing new: a sweep's, of a mini-socket
    /// that isn't waiting.
    [[nodiscard]] bool on_listed(std::span<const std::byte> record);

    [[nodiscard]] bool empty() const { return minis_.empty(); }
    /// The network namespaces in which there are any, each once.
    [[nodiscard]] std::vector<std::uint32_t> namespaces() const;

private:
    bool needed_;
    std::unordered_set<MiniKey, MiniKey::Hash> minis_;
};

} // namespace tcpdwell::live

// SPDX-License-Identifier: Apache-2.0
// What a reader has to know before it can begin in the middle of a stream: facts, paths of cgroups,
// the clock, and what had been lost by then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/byte_budget.h"
#include "event/process_tree.h"

namespace tcpdwell::recording {

class Preamble {
public:
    /// Facts, paths and forks beyond that aren't repeated: some 100 000 of them, in most cases.
    static constexpr std::size_t kMostBytes = 32 << 20;

    /// Takes notice of a record of the stream. `record` is one whole record.
    void note(std::span<const std::byte> record);
    /// How many facts, paths and forks couldn't be kept.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
    /// The latest record of each, the clock first, marked as TD_REPEATED. All are of the clock's
    /// time, so that nothing seems to be older than what follows.
    void for_each(const std::function<void(std::span<const std::byte> record)>& visit) const;

private:
    using Bytes = std::vector<std::byte>;

    void keep_fork(std::span<const std::byte> record);
    void keep(std::span<const std::byte> record, const std::string& key);

    Bytes clock_;
    Bytes lost_;
    std::map<std::string, Bytes, std::less<>> others_; ///< by kind, namespace and key
    ByteBudget budget_{kMostBytes};                    ///< of others_
    event::ProcessTree processes_;
    std::uint64_t dropped_ = 0;
};

} // namespace tcpdwell::recording

// SPDX-License-Identifier: Apache-2.0
// What a reader has to know before it can begin in the middle of a stream: facts, paths of cgroups,
// the clock, and what had been lost by then.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace tcpdwell::recording {

class Preamble {
public:
    static constexpr std::size_t kMostEntries =
        1 << 17; ///< cgroups and facts beyond that aren't repeated

    /// Takes notice of a record of the stream. `record` is one whole record.
    void note(std::span<const std::byte> record);
    /// The latest record of each, the clock first, marked as TD_REPEATED. All are of the clock's
    /// time, so that nothing seems to be older than what follows.
    void for_each(const std::function<void(std::span<const std::byte> record)>& visit) const;

private:
    using Bytes = std::vector<std::byte>;
    Bytes clock_;
    Bytes lost_;
    std::map<std::string, Bytes, std::less<>> others_; ///< by kind, namespace and key
};

} // namespace tcpdwell::recording

// SPDX-License-Identifier: Apache-2.0
// Which processes descend from which.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace tcpdwell::event {

/// Built of the forks since tracing began, in their order. Takes at most some 40 MiB.
class ProcessTree {
public:
    /// As many processes as have room; Linux numbers up to 4 194 304 of them.
    static constexpr std::size_t kMostProcesses = 1 << 20;

    /// `pid` is a new process: whatever had this number before has ended. False: there is no room
    /// for it.
    bool fork(std::uint32_t parent, std::uint32_t pid);
    /// Whether a process is `ancestor`, or descends from it; processes in between may have ended.
    /// `ancestor` is one that began before tracing did.
    [[nodiscard]] bool is_of(std::uint32_t pid, std::uint32_t ancestor) const {
        return first_of(pid) == ancestor;
    }

    /// The earliest ancestor that is known; the process itself if none is.
    [[nodiscard]] std::uint32_t first_of(std::uint32_t pid) const {
        const auto found = first_.find(pid);
        return found == first_.end() ? pid : found->second;
    }

private:
    std::unordered_map<std::uint32_t, std::uint32_t> first_;
};

} // namespace tcpdwell::event

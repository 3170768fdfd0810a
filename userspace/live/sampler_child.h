// SPDX-License-Identifier: Apache-2.0
// The child's side of the sampler.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "live/socket_lister.h"

namespace tcpdwell::live {

/// Requests are 64-bit words: what, count, then `count` more.
enum class SamplerRequest : std::uint64_t {
    snapshot = 1,   ///< no words
    sweep = 2,      ///< expires, namespaces
    counters = 3,   ///< no words
    waiting = 4,    ///< idle time in jiffies; 1: all, 0: what has changed
    containers = 5, ///< for each kContainerWords: its cgroup, and the 64 digits of its id
};
inline constexpr std::uint64_t kContainerWords = 9;

/// More words than this aren't taken: 32 KiB, half of what a pipe holds.
inline constexpr std::uint64_t kMostRequestWords = 4096;

/// Between the records: a header of this kind, whose netns field holds a SamplerDone.
inline constexpr std::uint8_t kSamplerDoneKind = 0;

/// Serves requests until the pipe is closed, or one comes that can't be; returns the exit status,
/// which is 0 if all could be served.
int run_sampler(std::unique_ptr<SocketLister> lister, const std::vector<std::uint32_t>& only_netns,
                const std::string& host_root, Fd requests, Fd replies);

} // namespace tcpdwell::live

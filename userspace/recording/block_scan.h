// SPDX-License-Identifier: Apache-2.0
// Where the blocks of a file are: a look at the heads alone, before the first block is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "recording/format.h"
#include "recording/reader.h"

namespace tcpdwell::recording {

/// What a reader is willing to look at twice because a head has a wrong length. Heads can claim
/// each other's bytes, so without a limit a file of n heads could cost n * n looks; beyond it heads
/// are trusted as they are, and what lies within a spoilt block isn't looked for. No accident uses
/// it up: such a head has the right checksum.
class RescanBudget {
public:
    /// False if there isn't that much left.
    bool spend(std::size_t bytes) {
        const std::size_t cost = bytes + kLook;
        if (cost > left_) return false;
        left_ -= cost;
        return true;
    }

private:
    static constexpr std::size_t kLook = 64 << 10; ///< what a look costs besides, in bytes
    std::size_t left_ = 256 << 20;
};

struct BlockIndex {
    struct Place {
        std::uint64_t sequence;
        std::uint64_t offset : 63; ///< of the block's head
        std::uint64_t hides : 1;   ///< its length was believed: there may be heads in its body
    };
    std::vector<Place> blocks; ///< with an intact head, of the first one's run, by their numbers
    std::uint64_t run = 0;
    bool has_end = false;
    std::optional<MonoTime> last; ///< latest time of a record, as the heads say
    std::uint64_t end_sequence = 0;
    Damage damage;
    /// More than kMostBlocks: `blocks` is empty, and they have to be read as they stand.
    bool is_too_long = false;

    static constexpr std::size_t kMostBlocks = 1 << 20; ///< 16 MiB of places
};

/// Looks at the file from `begin` up to `end`, in time proportional to its length. The descriptor
/// must be one that pread(2) can read.
Result<BlockIndex> survey(int fd, const std::string& path, std::uint64_t begin, std::uint64_t end,
                          RescanBudget& patience);

} // namespace tcpdwell::recording

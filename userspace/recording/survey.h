// SPDX-License-Identifier: Apache-2.0
// Where the blocks of a file are: a look at the heads alone, before the first block is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "recording/format.h"
#include "recording/reader.h"

namespace tcpdwell::recording {

struct Survey {
    struct Place {
        std::uint64_t sequence;
        std::uint64_t offset; ///< of the block's head
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

/// Looks at the file from `begin` up to `end`. The descriptor must be one that pread(2) can read.
Result<Survey> survey(int fd, const std::string& path, std::uint64_t begin, std::uint64_t end = UINT64_MAX);

} // namespace tcpdwell::recording

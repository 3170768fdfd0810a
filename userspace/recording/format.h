// SPDX-License-Identifier: Apache-2.0
// The bytes around the blocks of a recording; FORMAT.md explains them. All numbers are
// little-endian.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"

namespace tcpdwell::recording {

/// Of the layout. Rises when an older reader could no longer read what is written; every older
/// version stays readable.
inline constexpr unsigned kVersion = 1;

/// Skippable frames of zstd (RFC 8878, section 3.1.2), by the last four bits of their magic number.
inline constexpr std::uint32_t kHeadFrame = 0x184D2A50;
inline constexpr std::uint32_t kBlockFrame = 0x184D2A51;
inline constexpr std::uint32_t kEndFrame = 0x184D2A52;
inline constexpr std::size_t kFrameHead = 8; ///< magic number, size of what follows

/// The text of the head frame begins with this line; the rest is one JSON object.
inline constexpr std::string_view kMagicLine = "tcpdwell recording 1\n";
inline constexpr std::size_t kLongestHead = 1 << 20;

/// Bounds for what a block may claim, so that a hostile file can't make a reader take more memory.
inline constexpr std::size_t kMostRaw = 16 << 20;    ///< bytes of records
inline constexpr std::size_t kMostPacked = 17 << 20; ///< bytes of the zstd frame

/// What stands before each block, and once more at the end.
struct BlockHead {
    std::uint64_t run = 0; ///< random number of the recording: identifies blocks of other files
    std::uint64_t sequence = 0; ///< 0, 1, 2 ... over all segments
    MonoTime first{};           ///< earliest and latest time of a record
    MonoTime last{};
    std::uint32_t records = 0;
    std::uint32_t raw_bytes = 0;
    std::uint32_t packed_bytes = 0; ///< of the zstd frame that follows; 0 in the end frame

    bool operator==(const BlockHead&) const = default;
};

/// Frame head, fields, CRC-32 over all of them.
inline constexpr std::size_t kBlockHeadSize = kFrameHead + 8 + 8 + 8 + 8 + 4 + 4 + 4 + 4;
using BlockHeadBytes = std::array<char, kBlockHeadSize>;

BlockHeadBytes encode(std::uint32_t frame, const BlockHead& head);
/// nullopt: not such a head, or damaged. `frame` becomes kBlockFrame or kEndFrame.
std::optional<BlockHead> decode_head(std::string_view bytes, std::uint32_t& frame);

void put_u32(std::string& out, std::uint32_t value);
std::uint32_t get_u32(std::string_view bytes); ///< of the first four

} // namespace tcpdwell::recording

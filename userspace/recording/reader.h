// SPDX-License-Identifier: Apache-2.0
// Reads a recording, which may be damaged, cut off, or hostile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "event/record.h"
#include "recording/format.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::recording {

/// What was wrong with a recording. Nothing of it is an error: what is intact is read.
struct Damage {
    std::uint64_t skipped_bytes = 0;  ///< that belong to no intact block
    std::uint64_t bad_blocks = 0;     ///< whose contents aren't what was written
    std::uint64_t missing_blocks = 0; ///< by their numbers
    std::uint64_t repeated_blocks = 0;
    std::uint64_t misplaced_blocks =
        0; ///< that stood after later ones; put in order where the file can be read twice
    std::uint64_t foreign_blocks = 0;   ///< of another recording
    std::uint64_t swollen_blocks = 0;   ///< too much for their size; see ExpansionBudget
    std::uint64_t misdated_records = 0; ///< see has_possible_time(); counted by RecordingSource
    bool cut_off =
        false; ///< the end is missing: it is still being written, or the writer was killed

    [[nodiscard]] bool any() const {
        return skipped_bytes + bad_blocks + missing_blocks + repeated_blocks + misplaced_blocks +
                   foreign_blocks + swollen_blocks + misdated_records !=
               0;
    }
    void add(const Damage& other);
};

/// How much the blocks of a file may unpack to. No recorder gets below some three bytes a record;
/// but a block made for it holds a million records in a thousand bytes, and each costs a view as
/// much as any other. Beyond what is free, it goes by the bytes that they take in the file.
class ExpansionBudget {
public:
    /// A block takes so much in the file.
    void add(std::size_t packed) { packed_ += packed; }
    /// False if that is more than it may unpack to.
    bool take_bytes(std::size_t bytes) {
        if (bytes_ + bytes > kFreeBytes + kBytesForEach * packed_) return false;
        bytes_ += bytes;
        return true;
    }
    bool take_records(std::size_t records) {
        if (records_ + records > kFreeRecords + kRecordsForEach * packed_) return false;
        records_ += records;
        return true;
    }

private:
    // What is free, and for each byte in the file
    static constexpr std::uint64_t kFreeRecords = 4'000'000;
    static constexpr std::uint64_t kRecordsForEach = 16;
    static constexpr std::uint64_t kFreeBytes = 1 << 30;
    static constexpr std::uint64_t kBytesForEach = 1024;

    std::uint64_t packed_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t records_ = 0;
};

/// Whether the time of a record is one, and lies where the head of its block says. Nothing is to be
/// concluded from one of another time.
inline bool has_possible_time(const td_header& header, const BlockHead& block) {
    const MonoTime at = event::time_of(header);
    return is_possible(at) && at >= block.first && at <= block.last;
}

/// What is wrong, in words: "3 blocks missing, 120 bytes skipped"; "" if nothing is.
std::string describe(const Damage& damage);

/// One recording, block by block. Whatever the bytes are, memory stays below 128 MiB: a block as it
/// is in the file, unpacked, and as it was (kMostPacked three times and kMostRaw at most, by and
/// large), and the places of the blocks of a file (BlockIndex::kMostBlocks of 24 bytes at most).
/// Time is proportional to the length of the file and to the records in it.
class RecordingReader {
public:
    /// Reads the head. ErrorCode::failed if it can't be opened, or is no recording, or one of a
    /// later version.
    static Result<std::unique_ptr<RecordingReader>> open(const std::string& path);
    /// The same for something already open; `path` is for messages.
    static Result<std::unique_ptr<RecordingReader>> begin(Fd fd, std::string path);
    ~RecordingReader();

    [[nodiscard]] const std::string& path() const;
    [[nodiscard]] const std::string& head_json() const; ///< as it was written; not checked

    /// Latest time of a record, by the heads of the blocks; nullopt if there is none, or the file
    /// can be read only once.
    [[nodiscard]] std::optional<MonoTime> last_time() const;

    /// The next intact block: its records, one after the other, valid until the next call. nullopt
    /// at the end.
    Result<std::optional<std::span<const std::byte>>> next();
    /// Nothing will be read for a while: frees the buffers and, unless `keeps_open`, closes the
    /// file, as far as it can be opened again. If it has been removed when next() is called, its
    /// blocks are missing. Without effect on what can be read only once.
    void rest(bool keeps_open);
    [[nodiscard]] const BlockHead& block() const; ///< of the block that was read last

    /// Once next() has said that nothing is left: the number after that of the last block, as the
    /// file's end says; 0 if it has no end.
    [[nodiscard]] std::uint64_t end_sequence() const;

    [[nodiscard]] const Damage&
    damage() const; ///< up to here; whole once next() has said that nothing is left

private:
    class Impl;
    explicit RecordingReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace tcpdwell::recording

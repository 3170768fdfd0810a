// SPDX-License-Identifier: Apache-2.0
// Writes a recording: wire records as they come, before anybody interprets them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "recording/block_codec.h"
#include "recording/format.h"

namespace tcpdwell::recording {

struct WriterOptions {
    int level = 3;                     ///< of zstd, 1 to 19
    std::size_t block_bytes = 1 << 20; ///< of records, before compression: a block is then complete
    Nanoseconds block_time =
        std::chrono::seconds(1); ///< and after this time: what SIGKILL can cost
    /// What to do about a full disk before it counts as one: whether there is more room now.
    std::function<bool()> make_room = [] { return false; };
    /// A block that can't be written is left out and counted, instead of ending the recording.
    bool survives_errors = false;
};

/// What has been written.
struct WriterTotals {
    std::uint64_t records = 0;
    std::uint64_t raw_bytes = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t dropped = 0; ///< records that couldn't be written
};

class RecordingWriter {
public:
    /// Writes the head to `fd`, which may be a file, a FIFO or stdout; `path` is for messages.
    /// `head_json` is the JSON object of the head; `run` and `first_sequence` go into the blocks.
    static Result<std::unique_ptr<RecordingWriter>>
    begin(Fd fd, std::string path, std::string_view head_json, std::uint64_t run,
          std::uint64_t first_sequence, WriterOptions options);
    ~RecordingWriter();

    /// One whole record. Written to the file when its block is complete. An error means that
    /// nothing more can be written; with WriterOptions::survives_errors there is none.
    Result<void> write(std::span<const std::byte> record);
    /// Everything before `now` has been written: a reader acts on it at this point, as the writer's
    /// host did. `flags`: enum td_flags.
    Result<void> mark(MonoTime now, std::uint8_t flags = 0);
    /// Completes the block under way.
    Result<void> flush() { return complete_block(); }
    /// Completes the block under way, and the file. Nothing can be written afterwards.
    Result<void> end();

    [[nodiscard]] const WriterTotals& totals() const { return totals_; }
    [[nodiscard]] std::uint64_t next_sequence() const { return head_.sequence; }
    [[nodiscard]] const std::string& last_error() const {
        return last_error_;
    } ///< that was survived; "": none

private:
    RecordingWriter(Fd fd, std::string path, std::uint64_t run, std::uint64_t first_sequence,
                    WriterOptions options);
    Result<void> complete_block();
    Result<void> put(std::string_view bytes);
    /// Takes back the part of a block that was written before it failed. False if that can't be
    /// done: a pipe.
    bool take_back(std::uint64_t file_bytes);

    struct Compressor;
    Fd fd_;
    std::string path_;
    WriterOptions options_;
    BlockHead head_; ///< of the block under way
    BlockEncoder encoder_;
    std::unique_ptr<Compressor> compressor_;
    std::string packed_;
    WriterTotals totals_;
    std::string last_error_;
    bool is_broken_ = false; ///< what is in the file can't be gone on with
};

} // namespace tcpdwell::recording

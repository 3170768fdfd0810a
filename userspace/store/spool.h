// SPDX-License-Identifier: Apache-2.0
// Batches of rows that wait to be sent, a compressed file each, in a folder of ours. The process
// that makes rows adds to it (Spool), a child of it takes from it (Outbox): a file that vanished
// under the other is normal, and whoever removed it counts it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "store/outbox.h"

namespace tcpdwell::store {

/// Rows and bytes that wait, and what has been lost.
struct SpoolCounts {
    std::uint64_t batches = 0;
    std::uint64_t bytes = 0; ///< that the files occupy
    std::uint64_t rows = 0;
    std::uint64_t dropped_batches = 0; ///< for lack of room, or as they couldn't be written
    std::uint64_t dropped_rows = 0;
};

class Spool {
public:
    static constexpr std::size_t kLargestBatch = Outbox::kLargestBatch;
    /// Of what rejected/ may occupy.
    static constexpr std::uint64_t kRejectedShare = 8;

    /// Locks the folder (an error if another process has it), removes files that were never
    /// finished; batches of before are kept.
    static Result<Spool> open(const std::string& path, std::uint64_t max_bytes);

    /// A batch, on disk when this returns. Where there is no room the oldest go; what can't be
    /// written is dropped. Both are counted and said once, and neither is an error: that is only
    /// what the caller should never ask for (a name that is none, no rows, too many bytes).
    Result<void> add(std::string_view table, std::uint64_t rows, std::string_view json_lines);

    /// As it is now: what has been sent meanwhile is gone.
    [[nodiscard]] SpoolCounts counts();
    [[nodiscard]] Outbox outbox() const { return outbox_; }
    [[nodiscard]] const std::string& path() const { return outbox_.path(); }

private:
    struct Waiting {
        std::string name;
        std::uint64_t rows;
        std::uint64_t bytes;
    };

    Spool(Outbox outbox, Fd lock, std::uint64_t max_bytes);
    Result<void> look_around();
    void forget_sent();
    void note(Waiting batch);
    bool make_room(std::uint64_t bytes);
    void drop(std::uint64_t rows);
    Result<std::uint64_t> write(const std::string& name, std::string_view bytes);

    Outbox outbox_;
    Fd lock_;
    std::uint64_t max_bytes_;
    std::uint64_t random_ = 0;
    std::uint64_t last_sequence_ = 0;
    std::deque<Waiting> waiting_; // oldest first; what was sent is mostly a prefix of it
    std::uint64_t bytes_ = 0;     // of those
    std::uint64_t rows_ = 0;
    std::uint64_t dropped_batches_ = 0;
    std::uint64_t dropped_rows_ = 0;
    bool is_full_ = false;    // said
    bool is_failing_ = false; // said
};

} // namespace tcpdwell::store

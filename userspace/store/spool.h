// SPDX-License-Identifier: Apache-2.0
// Batches of rows that wait to be sent, a compressed file each, in a folder of ours. The process
// that makes rows adds to it (Spool), a child of it takes from it (Outbox): a file that vanished
// under the other is normal, and whoever removed it counts it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "recording/own_folder.h"

namespace tcpdwell::store {

/// "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz": time of its making, made unique
/// and growing; a random number of the spool, so that no other host has this name; table; rows.
struct BatchName {
    std::uint64_t sequence = 0;
    std::uint64_t spool = 0;
    std::string table;
    std::uint64_t rows = 0;

    /// Nothing but what text() writes.
    static std::optional<BatchName> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    /// Without what the file's name adds: by this the server knows a batch that comes again.
    [[nodiscard]] std::string id() const;
};

/// Rows and bytes that wait, and what has been lost.
struct SpoolCounts {
    std::uint64_t batches = 0;
    std::uint64_t bytes = 0; ///< that the files occupy
    std::uint64_t rows = 0;
    std::uint64_t dropped_batches = 0; ///< for lack of room, or as they couldn't be written
    std::uint64_t dropped_rows = 0;
};

/// The reading end. Everything is looked up anew: it knows nothing of the writer but its folder.
class Outbox {
public:
    struct Rejected {
        std::uint64_t removed_rows = 0; ///< of older ones, which had to go to make room
        std::uint64_t removed_batches = 0;
    };

    /// Names of batches, oldest first, those included that are being sent.
    [[nodiscard]] Result<std::vector<std::string>> names() const;
    /// Renames it, so that the writer can't drop it meanwhile. False: it is gone.
    [[nodiscard]] Result<bool> claim(const std::string& name) const;
    /// The bytes of a claimed batch.
    [[nodiscard]] Result<std::string> read(const std::string& name) const;
    /// Gives a claimed batch back: it waits again.
    void release(const std::string& name) const;
    /// Removes a claimed batch: the server has it.
    void remove(const std::string& name) const;
    /// Moves a claimed batch to rejected/, with the server's words beside it.
    [[nodiscard]] Result<Rejected> reject(const std::string& name, std::string_view words) const;

    [[nodiscard]] const std::string& path() const { return folder_->path(); }

private:
    friend class Spool;
    Outbox(std::shared_ptr<const recording::OwnFolder> folder,
           std::shared_ptr<const recording::OwnFolder> rejected, std::uint64_t max_rejected_bytes)
        : folder_(std::move(folder)), rejected_(std::move(rejected)),
          max_rejected_bytes_(max_rejected_bytes) {}
    Rejected make_room() const;

    std::shared_ptr<const recording::OwnFolder> folder_;
    std::shared_ptr<const recording::OwnFolder> rejected_;
    std::uint64_t max_rejected_bytes_;
};

class Spool {
public:
    /// No batch is larger, compressed or not.
    static constexpr std::size_t kLargestBatch = std::size_t{64} << 20;
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
    [[nodiscard]] const std::string& path() const { return folder_->path(); }

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

    std::shared_ptr<const recording::OwnFolder> folder_;
    Outbox outbox_;
    Fd lock_;
    std::uint64_t max_bytes_;
    std::uint64_t random_ = 0;
    std::uint64_t last_sequence_ = 0;
    std::deque<Waiting> waiting_; // oldest first; what was sent is a prefix of it
    std::uint64_t bytes_ = 0;     // of those
    std::uint64_t rows_ = 0;
    std::uint64_t dropped_batches_ = 0;
    std::uint64_t dropped_rows_ = 0;
    bool is_full_ = false;    // said
    bool is_failing_ = false; // said
};

} // namespace tcpdwell::store

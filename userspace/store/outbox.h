// SPDX-License-Identifier: Apache-2.0
// The end of a spool from which batches are taken and sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "recording/own_folder.h"

namespace tcpdwell::store {

/// What is written under a name that ends so has never been finished.
inline constexpr std::string_view kPartialSuffix = ".partial";

/// The reading end. Everything is looked up anew: it knows nothing of the writer but its folder.
class Outbox {
public:
    /// No batch is larger, compressed or not.
    static constexpr std::size_t kLargestBatch = std::size_t{64} << 20;

    struct Rejected {
        std::uint64_t removed_rows = 0; ///< of older ones, which had to go to make room
        std::uint64_t removed_batches = 0;
    };

    /// Gives back what an earlier process had claimed, and removes what was never finished.
    Result<void> tidy() const;
    /// Names of batches, oldest first, those included that are being sent.
    [[nodiscard]] Result<std::vector<std::string>> names() const { return names_of(false); }
    /// Of the batch that is being sent, or was by a process that has ended; nullopt: none.
    [[nodiscard]] std::optional<std::string> claimed() const;
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

    /// The file of a batch that waits or is being sent.
    [[nodiscard]] std::optional<recording::OwnFolder::File> find(const std::string& name) const;
    [[nodiscard]] const std::string& path() const { return folder_->path(); }
    [[nodiscard]] const recording::OwnFolder& folder() const { return *folder_; }

    /// Makes rejected/ in the folder.
    static Result<Outbox> open(recording::OwnFolder folder, std::uint64_t max_rejected_bytes);

private:
    [[nodiscard]] Result<std::vector<std::string>> names_of(bool claimed_only) const;
    Outbox(std::shared_ptr<const recording::OwnFolder> folder,
           std::shared_ptr<const recording::OwnFolder> rejected, std::uint64_t max_rejected_bytes)
        : folder_(std::move(folder)), rejected_(std::move(rejected)),
          max_rejected_bytes_(max_rejected_bytes) {}
    Rejected make_room() const;

    std::shared_ptr<const recording::OwnFolder> folder_;
    std::shared_ptr<const recording::OwnFolder> rejected_;
    std::uint64_t max_rejected_bytes_;
};

} // namespace tcpdwell::store

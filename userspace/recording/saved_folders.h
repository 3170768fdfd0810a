// SPDX-License-Identifier: Apache-2.0
// The folders saved-* beside the segments that roll: what was saved from being rolled away.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "recording/own_folder.h"

namespace tcpdwell::recording {

/// UTC, to the millisecond, so that names sort by time.
std::string name_stamp(WallTime at);

/// What the names of saved folders begin with.
inline constexpr std::string_view kSavedPrefix = "saved-";

/// Whether a file is called as segments are.
bool is_segment_name(std::string_view name);

class SavedFolders {
public:
    /// Bytes that all of them may occupy together.
    explicit SavedFolders(std::uint64_t most) : most_(most) {}

    /// Begins a folder, which stays until the others are too much.
    Result<void> begin(const OwnFolder& parent, WallTime now, std::string_view reason);
    void end() { current_.reset(); }
    [[nodiscard]] bool is_saving() const { return current_.has_value(); }
    /// Path of the folder under way; "" if there is none.
    [[nodiscard]] std::string path() const { return current_ ? current_->path() : ""; }

    /// Saves a segment in the folder under way, as a link, so that it costs no copying. Returns
    /// what went wrong; "" if nothing did.
    [[nodiscard]] std::string add(const OwnFolder& parent, const std::string& name) const;
    /// Removes the oldest folders while all are too much. If the one under way alone is, nothing
    /// more is added to it. Returns what was done, in words.
    std::vector<std::string> hold(const OwnFolder& parent);

private:
    std::uint64_t most_;
    std::optional<OwnFolder> current_;
    std::string current_name_;
};

} // namespace tcpdwell::recording

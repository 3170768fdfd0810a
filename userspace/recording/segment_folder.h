// SPDX-License-Identifier: Apache-2.0
// A folder of segments that roll: the oldest go, so that it always holds the last half hour, or the
// last gigabyte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "recording/own_folder.h"
#include "recording/saved_folders.h"

namespace tcpdwell::recording {

struct RollOptions {
    std::optional<Nanoseconds> keep;        ///< hold at least this much of the past
    std::optional<std::uint64_t> max_bytes; ///< hold at most this much, whatever `keep` says
    /// What is saved may occupy so much besides; none: kSavedParts times max_bytes, or kSavedBytes.
    std::optional<std::uint64_t> max_saved = {};

    [[nodiscard]] bool rolls() const { return keep || max_bytes; }

    static constexpr std::uint64_t kSavedParts = 4;
    static constexpr std::uint64_t kSavedBytes = std::uint64_t{4} << 30;
    [[nodiscard]] std::uint64_t saved_bytes() const {
        return max_saved.value_or(max_bytes ? kSavedParts * *max_bytes : kSavedBytes);
    }
};

/// What is in a folder: the recordings (*.tdw) in the order of their names, and what is named like
/// one but isn't (a recorder that was killed, or whose disk was full, can leave an empty file, or a
/// part of a head).
struct FolderContents {
    struct Other {
        std::string path;
        std::string_view why; ///< it is left out: "is no recording"
    };
    std::vector<std::string> recordings;
    std::vector<Other> others;
};
/// ErrorCode::failed if it can't be read, or holds no recording.
Result<FolderContents> recordings_in(const std::string& folder);

/// Owns the files tcpdwell-*.tdw in the folder, those of earlier runs too, as far as they are
/// regular ones of this user's, and the segments in saved-*. Other files are left alone. Sizes are
/// what files occupy.
class SegmentFolder {
public:
    /// Creates the folder if it isn't there. It has to be the caller's own, with all rights: later
    /// segments are made after privileges have been given up. ErrorCode::failed if others may write
    /// in it, or another recorder is at work in it.
    static Result<SegmentFolder> open(const std::string& path, RollOptions options);

    struct NewFile {
        Fd fd;
        std::string path; ///< for messages
        std::string name;
    };
    /// Makes a file for the next segment. Removes what is too old or too much. The segment under
    /// way stays that until begin_segment() says that the new one is.
    Result<NewFile> create(WallTime now);
    /// From now on the file of this name is the segment under way, and the one before is complete.
    void begin_segment(const std::string& name, WallTime now);
    /// A file of create() that couldn't be begun.
    void discard(const std::string& name) const { folder_.remove(name); }
    /// Whether the segment under way is long enough: an eighth of what is to be held.
    [[nodiscard]] bool is_due(Nanoseconds age, std::uint64_t bytes) const;
    /// The segment under way has so many bytes: removes the oldest ones if that is too much in all.
    void hold(std::uint64_t bytes);
    /// Removes the oldest complete segment, since the disk is full; false if there is none.
    bool make_room();

    /// From now on until stop_saving() all segments are also kept in a folder of their own,
    /// beginning with those that are there.
    Result<void> start_saving(WallTime now, std::string_view reason);
    void stop_saving() { saved_.end(); }
    /// "" if nothing is being saved
    [[nodiscard]] std::string saving_to() const { return saved_.path(); }
    [[nodiscard]] bool is_saving() const { return saved_.is_saving(); }

    [[nodiscard]] const std::string& path() const { return folder_.path(); }
    /// What people should know since the last call: what couldn't be saved, and what had to go.
    [[nodiscard]] std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

private:
    struct Segment {
        std::string name;
        std::uint64_t bytes;
        WallTime end;
    };
    SegmentFolder(OwnFolder folder, Fd lock, RollOptions options)
        : folder_(std::move(folder)), lock_(std::move(lock)), options_(options),
          saved_(options.saved_bytes()) {}
    Result<void> find_segments();
    void roll(WallTime now);
    void remove_oldest();
    void make_room_for(std::uint64_t bytes);
    /// Of the segment under way; nullopt if there is none, or somebody has removed it.
    [[nodiscard]] std::optional<std::uint64_t> current_bytes() const;
    void hold_saved();

    OwnFolder folder_;
    Fd lock_;
    RollOptions options_;
    SavedFolders saved_;
    std::vector<Segment> complete_; ///< the oldest first
    std::string current_;           ///< name of the file under way; "": none
    std::uint64_t written_ = 0;     ///< to it, as hold() has it
    std::vector<std::string> notes_;
};

} // namespace tcpdwell::recording

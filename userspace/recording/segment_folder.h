// SPDX-License-Identifier: Apache-2.0
// A folder of segments that roll: the oldest go, so that it always holds the last half hour, or the
// last gigabyte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace tcpdwell::recording {

struct RollOptions {
    std::optional<Nanoseconds> keep;        ///< hold at least this much of the past
    std::optional<std::uint64_t> max_bytes; ///< hold at most this much, whatever `keep` says
};

/// What is in a folder: the recordings (*.tdw) in the order of their names, and what is named like
/// one but isn't (a recorder that was killed, or whose disk was full, can leave an empty file).
struct FolderContents {
    std::vector<std::string> recordings;
    std::vector<std::string> others;
};
/// ErrorCode::failed if it can't be read, or holds no recording.
Result<FolderContents> recordings_in(const std::string& folder);

/// Owns the files tcpdwell-*.tdw in the folder, those of earlier runs too. Other files are left
/// alone.
class SegmentFolder {
public:
    /// Creates the folder if it isn't there. It has to be the caller's own, with all rights: later
    /// segments are made after privileges have been given up. ErrorCode::failed if another recorder
    /// is at work in it.
    static Result<SegmentFolder> open(const std::string& path, RollOptions options);

    struct NewFile {
        Fd fd;
        std::string path;
    };
    /// Makes a file for the next segment. Removes what is too old or too much. The segment under
    /// way stays that until begin_segment() says that the new one is.
    Result<NewFile> create(WallTime now);
    /// From now on this is the segment under way, and the one before is complete. Returns what went
    /// wrong with saving it; "" if nothing did.
    std::string begin_segment(const std::string& path, WallTime now);
    /// A file of create() that couldn't be begun.
    static void discard(const std::string& path);
    /// Whether the segment under way is long enough: an eighth of what is to be held.
    [[nodiscard]] bool is_due(Nanoseconds age, std::uint64_t bytes) const;
    /// The segment under way has so many bytes: removes the oldest ones if that is too much in all.
    void hold(std::uint64_t bytes);
    /// Removes the oldest complete segment, since the disk is full; false if there is none.
    bool make_room();

    /// From now on until stop_saving() all segments are also kept in a folder of their own (as
    /// links, so that it costs no copying), beginning with those that are there. Returns what
    /// couldn't be saved; "" if all could.
    Result<std::string> start_saving(WallTime now, std::string_view reason);
    void stop_saving() { saving_.clear(); }
    [[nodiscard]] const std::string& saving_to() const {
        return saving_;
    } ///< "" if nothing is being saved
    [[nodiscard]] bool is_saving() const { return !saving_.empty(); }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    struct Segment {
        std::string name;
        std::uint64_t bytes;
        WallTime end;
    };
    SegmentFolder(std::string path, Fd lock, RollOptions options)
        : path_(std::move(path)), lock_(std::move(lock)), options_(options) {}
    void roll(WallTime now);
    void remove_oldest();
    /// Returns what went wrong; "" if nothing did.
    [[nodiscard]] std::string link(const std::string& name) const;

    std::string path_;
    Fd lock_; ///< the folder itself, locked
    RollOptions options_;
    std::vector<Segment> complete_; ///< the oldest first
    std::string current_;           ///< name of the file under way; "": none
    std::string saving_;            ///< path of the folder that segments are saved to; "": none
};

} // namespace tcpdwell::recording

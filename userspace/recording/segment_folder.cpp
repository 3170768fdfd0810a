// SPDX-License-Identifier: Apache-2.0
#include "recording/segment_folder.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tcpdwell::recording {
namespace {

namespace fs = std::filesystem;

/// A folder holds so many segments, more or less: what is held is never less than wanted by more than one of them.
constexpr unsigned kParts = 8;
constexpr Nanoseconds kShortest = std::chrono::seconds(1);
constexpr std::string_view kPrefix = "tcpdwell-";
constexpr std::string_view kSuffix = ".tdw";
constexpr mode_t kOnlyOurs = 0700;

Error failure(std::string_view what, const std::string& path) {
    const int error = errno;
    return {ErrorCode::failed, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)), error};
}

/// UTC, to the millisecond, so that names sort by time.
std::string stamp(WallTime at) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
    return fmt::format("{:%Y%m%dT%H%M%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000);
}

WallTime wall(const timespec& t) {
    return WallTime(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

/// As much of a reason as can stand in a file's name.
std::string plain(std::string_view reason) {
    std::string text;
    for (const char c : reason.substr(0, 40)) text += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    return text;
}

} // namespace

Result<std::vector<std::string>> recordings_in(const std::string& folder) {
    std::vector<std::string> found;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.ends_with(kSuffix)) found.push_back(entry->path().string());
    }
    if (error)
        return fail(ErrorCode::failed, fmt::format("cannot read {}: {}", folder, error.message()), error.value());
    if (found.empty()) return fail(ErrorCode::failed, fmt::format("{} holds no recording (*.tdw)", folder));
    std::sort(found.begin(), found.end());
    return found;
}

Result<SegmentFolder> SegmentFolder::open(const std::string& path, RollOptions options) {
    if (::mkdir(path.c_str(), kOnlyOurs) != 0 && errno != EEXIST) return tl::unexpected(failure("create", path));
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return tl::unexpected(failure("read", path));
    if (!S_ISDIR(status.st_mode))
        return fail(ErrorCode::usage,
                    fmt::format("{} is a file; segments that roll (--keep, --max-size) need a folder", path));
    if (status.st_uid != ::geteuid() || (status.st_mode & kOnlyOurs) != kOnlyOurs)
        return fail(ErrorCode::failed,
                    fmt::format("{} must belong to the user who records (uid {}), with the rights rwx for them: later "
                                "segments are written after all privileges have been given up",
                                path, ::geteuid()));
    SegmentFolder folder(path, options);
    std::error_code error;
    for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        struct stat file {};
        if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
        if (::lstat(entry->path().c_str(), &file) != 0 || !S_ISREG(file.st_mode)) continue;
        folder.complete_.push_back({name, static_cast<std::uint64_t>(file.st_size), wall(file.st_mtim)});
    }
    if (error) return fail(ErrorCode::failed, fmt::format("cannot read {}: {}", path, error.message()), error.value());
    std::sort(folder.complete_.begin(), folder.complete_.end(),
              [](const Segment& a, const Segment& b) { return a.name < b.name; });
    return folder;
}

Result<SegmentFolder::NewFile> SegmentFolder::begin_segment(WallTime now) {
    if (!current_.empty()) {
        struct stat file {};
        if (::stat((path_ + "/" + current_).c_str(), &file) == 0) // else somebody has removed it
            complete_.push_back({current_, static_cast<std::uint64_t>(file.st_size), now});
        current_.clear();
    }
    roll(now);
    std::string name;
    Fd fd;
    for (int attempt = 0; attempt < 10; ++attempt, now += std::chrono::milliseconds(1)) {
        name = fmt::format("{}{}{}", kPrefix, stamp(now), kSuffix);
        fd = Fd(::open((path_ + "/" + name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (fd || errno != EEXIST) break;
    }
    if (!fd) return tl::unexpected(failure("write", path_ + "/" + name));
    current_ = name;
    if (is_saving())
        if (auto linked = link(name); !linked) return tl::unexpected(linked.error());
    return NewFile{std::move(fd), path_ + "/" + name};
}

bool SegmentFolder::is_due(Nanoseconds age, std::uint64_t bytes) const {
    if (options_.keep && age >= std::max(*options_.keep / kParts, kShortest)) return true;
    return options_.max_bytes && bytes >= *options_.max_bytes / kParts;
}

void SegmentFolder::remove_oldest() {
    ::unlink((path_ + "/" + complete_.front().name).c_str()); // if it is gone already, so much the better
    complete_.erase(complete_.begin());
}

void SegmentFolder::roll(WallTime now) {
    while (options_.keep && !complete_.empty() && complete_.front().end < now - *options_.keep) remove_oldest();
    if (!options_.max_bytes) return;
    std::uint64_t sum = *options_.max_bytes / kParts; // room for the one that begins now
    for (const Segment& segment : complete_) sum += segment.bytes;
    while (sum > *options_.max_bytes && !complete_.empty()) {
        sum -= complete_.front().bytes;
        remove_oldest();
    }
}

bool SegmentFolder::make_room() {
    if (complete_.empty()) return false;
    remove_oldest();
    return true;
}

Result<void> SegmentFolder::link(const std::string& name) const {
    const std::string from = path_ + "/" + name;
    const std::string to = saving_ + "/" + name;
    if (::link(from.c_str(), to.c_str()) != 0 && errno != EEXIST && errno != ENOENT)
        return tl::unexpected(failure("save", to));
    return {};
}

Result<std::string> SegmentFolder::start_saving(WallTime now, std::string_view reason) {
    const std::string folder = fmt::format("{}/saved-{}-{}", path_, stamp(now), plain(reason));
    if (::mkdir(folder.c_str(), kOnlyOurs) != 0) return tl::unexpected(failure("create", folder));
    saving_ = folder;
    for (const Segment& segment : complete_)
        if (auto linked = link(segment.name); !linked) return tl::unexpected(linked.error());
    if (!current_.empty())
        if (auto linked = link(current_); !linked) return tl::unexpected(linked.error());
    return folder;
}

} // namespace tcpdwell::recording

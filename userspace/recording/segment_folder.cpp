// SPDX-License-Identifier: Apache-2.0
#include "recording/segment_folder.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "recording/format.h"

namespace tcpdwell::recording {
namespace {

namespace fs = std::filesystem;

/// A folder holds so many segments, more or less: what is held is never less than wanted by more
/// than one of them.
constexpr unsigned kParts = 8;
constexpr Nanoseconds kShortest = std::chrono::seconds(1);
constexpr std::string_view kPrefix = "tcpdwell-";
constexpr std::string_view kSuffix = ".tdw";
constexpr mode_t kOnlyOurs = 0700;

Error failure(std::string_view what, const std::string& path) {
    const int error = errno;
    return {ErrorCode::failed, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)),
            error};
}

/// UTC, to the millisecond, so that names sort by time.
std::string stamp(WallTime at) {
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
    return fmt::format("{:%Y%m%dT%H%M%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1000)),
                       ms % 1000);
}

WallTime wall(const timespec& t) {
    return WallTime(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

/// As much of a reason as can stand in a file's name.
std::string plain(std::string_view reason) {
    std::string text;
    for (const char c : reason.substr(0, 40))
        text += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    return text;
}

/// Whether it is worth opening: what can't be read at all is to be said, not left out.
bool begins_like_a_recording(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return false; // removed meanwhile
    if (!S_ISREG(status.st_mode)) return false;
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return errno != ENOENT;
    constexpr std::string_view name = "tcpdwell recording ";
    std::array<char, kFrameHead + name.size()> bytes{};
    return ::read(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
           get_u32({bytes.data(), 4}) == kHeadFrame &&
           std::string_view(bytes.data() + kFrameHead, name.size()) == name;
}

} // namespace

Result<FolderContents> recordings_in(const std::string& folder) {
    FolderContents found;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const std::string path = entry->path().string();
        if (path.ends_with(kSuffix))
            (begins_like_a_recording(path) ? found.recordings : found.others).push_back(path);
    }
    if (error)
        return fail(ErrorCode::failed, fmt::format("cannot read {}: {}", folder, error.message()),
                    error.value());
    if (found.recordings.empty())
        return fail(ErrorCode::failed, fmt::format("{} holds no recording (*.tdw)", folder));
    std::sort(found.recordings.begin(), found.recordings.end());
    return found;
}

Result<SegmentFolder> SegmentFolder::open(const std::string& path, RollOptions options) {
    if (::mkdir(path.c_str(), kOnlyOurs) != 0 && errno != EEXIST)
        return tl::unexpected(failure("create", path));
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return tl::unexpected(failure("read", path));
    if (!S_ISDIR(status.st_mode))
        return fail(
            ErrorCode::usage,
            fmt::format("{} is a file; segments that roll (--keep, --max-size) need a folder",
                        path));
    if (status.st_uid != ::geteuid() || (status.st_mode & kOnlyOurs) != kOnlyOurs)
        return fail(ErrorCode::failed,
                    fmt::format("{} must belong to the user who records (uid {}), with the rights "
                                "rwx for them: later "
                                "segments are written after all privileges have been given up",
                                path, ::geteuid()));
    Fd lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock) return tl::unexpected(failure("read", path));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(ErrorCode::failed,
                    fmt::format("another recorder is at work in {}; give another folder", path),
                    errno);
    SegmentFolder folder(path, std::move(lock), options);
    std::error_code error;
    for (auto entry = fs::directory_iterator(path, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        struct stat file {};
        if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
        if (::lstat(entry->path().c_str(), &file) != 0 || !S_ISREG(file.st_mode)) continue;
        folder.complete_.push_back(
            {name, static_cast<std::uint64_t>(file.st_size), wall(file.st_mtim)});
    }
    if (error)
        return fail(ErrorCode::failed, fmt::format("cannot read {}: {}", path, error.message()),
                    error.value());
    std::sort(folder.complete_.begin(), folder.complete_.end(),
              [](const Segment& a, const Segment& b) { return a.name < b.name; });
    return folder;
}

Result<SegmentFolder::NewFile> SegmentFolder::create(WallTime now) {
    roll(now);
    std::string path;
    Fd fd;
    for (int attempt = 0; attempt < 10; ++attempt, now += std::chrono::milliseconds(1)) {
        path = fmt::format("{}/{}{}{}", path_, kPrefix, stamp(now), kSuffix);
        fd = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (fd || errno != EEXIST) break;
    }
    if (!fd) return tl::unexpected(failure("write", path));
    return NewFile{std::move(fd), path};
}

std::string SegmentFolder::begin_segment(const std::string& path, WallTime now) {
    if (!current_.empty()) {
        struct stat file {};
        if (::stat((path_ + "/" + current_).c_str(), &file) == 0) // else somebody has removed it
            complete_.push_back({current_, static_cast<std::uint64_t>(file.st_size), now});
    }
    current_ = fs::path(path).filename();
    return is_saving() ? link(current_) : "";
}

void SegmentFolder::discard(const std::string& path) { ::unlink(path.c_str()); }

bool SegmentFolder::is_due(Nanoseconds age, std::uint64_t bytes) const {
    if (options_.keep && age >= std::max(*options_.keep / kParts, kShortest)) return true;
    return options_.max_bytes && bytes >= *options_.max_bytes / kParts;
}

void SegmentFolder::remove_oldest() {
    ::unlink((path_ + "/" + complete_.front().name)
                 .c_str()); // if it is gone already, so much the better
    complete_.erase(complete_.begin());
}

void SegmentFolder::roll(WallTime now) {
    while (options_.keep && !complete_.empty() && complete_.front().end < now - *options_.keep)
        remove_oldest();
    if (!options_.max_bytes) return;
    // Room for the one that begins now: it may be as long as the last one, which ends now.
    struct stat last {};
    const bool has_last = !current_.empty() && ::stat((path_ + "/" + current_).c_str(), &last) == 0;
    const std::uint64_t last_bytes = has_last ? static_cast<std::uint64_t>(last.st_size) : 0;
    hold(last_bytes + std::max(*options_.max_bytes / kParts, last_bytes));
}

void SegmentFolder::hold(std::uint64_t bytes) {
    if (!options_.max_bytes) return;
    std::uint64_t sum = bytes;
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

std::string SegmentFolder::link(const std::string& name) const {
    const std::string from = path_ + "/" + name;
    const std::string to = saving_ + "/" + name;
    if (::link(from.c_str(), to.c_str()) == 0 || errno == EEXIST || errno == ENOENT) return "";
    return failure("save", to).message;
}

Result<std::string> SegmentFolder::start_saving(WallTime now, std::string_view reason) {
    const std::string folder = fmt::format("{}/saved-{}-{}", path_, stamp(now), plain(reason));
    if (::mkdir(folder.c_str(), kOnlyOurs) != 0) return tl::unexpected(failure("create", folder));
    saving_ = folder;
    std::string trouble = current_.empty() ? "" : link(current_);
    for (const Segment& segment : complete_)
        if (std::string more = link(segment.name); trouble.empty()) trouble = std::move(more);
    return trouble;
}

} // namespace tcpdwell::recording

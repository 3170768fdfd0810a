// SPDX-License-Identifier: Apache-2.0
#include "recording/segment_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
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

/// Why it isn't worth opening; "" if it is: what can't be read at all is to be said, not left out.
std::string_view why_left_out(const std::string& path) {
    constexpr std::string_view kNone = "is no recording";
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return kNone; // removed meanwhile
    if (!S_ISREG(status.st_mode)) return kNone;
    // Not waiting for a writer, if a FIFO has taken its place.
    const Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd) return errno == ENOENT ? kNone : "";
    constexpr std::string_view name = "tcpdwell recording ";
    std::array<char, kFrameHead + name.size()> bytes{};
    if (::read(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
        get_u32({bytes.data(), 4}) != kHeadFrame ||
        std::string_view(bytes.data() + kFrameHead, name.size()) != name)
        return kNone;
    const std::uint64_t head = kFrameHead + get_u32({bytes.data() + 4, 4});
    if (static_cast<std::uint64_t>(status.st_size) < head) return "ends within its head";
    return "";
}

} // namespace

Result<FolderContents> recordings_in(const std::string& folder) {
    FolderContents found;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
        const std::string path = entry->path().string();
        if (!path.ends_with(kSuffix)) continue;
        if (const std::string_view why = why_left_out(path); !why.empty())
            found.others.push_back({path, why});
        else
            found.recordings.push_back(path);
    }
    if (error)
        return fail(ErrorCode::failed, fmt::format("cannot read {}: {}", folder, error.message()),
                    error.value());
    if (found.recordings.empty())
        return fail(ErrorCode::failed, fmt::format("{} holds no recording (*.tdw)", folder));
    std::sort(found.recordings.begin(), found.recordings.end());
    return found;
}

bool is_segment_name(std::string_view name) {
    return name.starts_with(kPrefix) && name.ends_with(kSuffix);
}

Result<SegmentFolder> SegmentFolder::open(const std::string& path, RollOptions options) {
    auto own = OwnFolder::open(path);
    if (!own) return tl::unexpected(own.error());
    auto lock = own->lock();
    if (!lock) return tl::unexpected(lock.error());
    SegmentFolder folder(std::move(*own), std::move(*lock), options);
    if (auto found = folder.find_segments(); !found) return tl::unexpected(found.error());
    return folder;
}

Result<void> SegmentFolder::find_segments() {
    const auto names = folder_.names();
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) {
        if (!is_segment_name(name)) continue;
        if (const auto file = folder_.file(name))
            complete_.push_back({name, file->bytes, file->modified});
    }
    std::sort(complete_.begin(), complete_.end(),
              [](const Segment& a, const Segment& b) { return a.name < b.name; });
    return {};
}

Result<SegmentFolder::NewFile> SegmentFolder::create(WallTime now) {
    roll(now);
    NewFile file;
    for (int attempt = 0; attempt < 10; ++attempt, now += std::chrono::milliseconds(1)) {
        file.name = fmt::format("{}{}{}", kPrefix, name_stamp(now), kSuffix);
        file.path = folder_.path() + "/" + file.name;
        file.fd = folder_.create_file(file.name);
        if (file.fd || errno != EEXIST) break;
    }
    if (file.fd) return file;
    const int error = errno;
    return fail(ErrorCode::failed,
                fmt::format("cannot write {}: {}", file.path, std::strerror(error)), error);
}

std::optional<std::uint64_t> SegmentFolder::current_bytes() const {
    if (current_.empty()) return std::nullopt;
    const auto file = folder_.file(current_);
    if (!file) return std::nullopt;
    return std::max(file->bytes, written_); // a file system may allocate later
}

void SegmentFolder::begin_segment(const std::string& name, WallTime now) {
    if (const auto bytes = current_bytes()) complete_.push_back({current_, *bytes, now});
    current_ = name;
    written_ = 0;
    if (!is_saving()) return;
    if (std::string trouble = saved_.add(folder_, current_); !trouble.empty())
        notes_.push_back(std::move(trouble));
    hold_saved();
}

bool SegmentFolder::is_due(Nanoseconds age, std::uint64_t bytes) const {
    if (options_.keep && age >= std::max(*options_.keep / kParts, kShortest)) return true;
    return options_.max_bytes && bytes >= *options_.max_bytes / kParts;
}

void SegmentFolder::remove_oldest() {
    folder_.remove(complete_.front().name);
    complete_.erase(complete_.begin());
}

void SegmentFolder::roll(WallTime now) {
    while (options_.keep && !complete_.empty() && complete_.front().end < now - *options_.keep)
        remove_oldest();
    if (!options_.max_bytes) return;
    // Room for the one that begins now: it may be as long as the last one, which ends now.
    const std::uint64_t last = current_bytes().value_or(0);
    make_room_for(last + std::max(*options_.max_bytes / kParts, last));
}

void SegmentFolder::hold(std::uint64_t bytes) {
    written_ = bytes;
    make_room_for(bytes);
}

void SegmentFolder::make_room_for(std::uint64_t bytes) {
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

Result<void> SegmentFolder::start_saving(WallTime now, std::string_view reason) {
    if (auto begun = saved_.begin(folder_, now, reason); !begun) return begun;
    std::string trouble = current_.empty() ? "" : saved_.add(folder_, current_);
    std::uint64_t sum = current_bytes().value_or(0);
    std::size_t left = complete_.size();
    // The latest first: where it is too much, the oldest are left out.
    while (left > 0 && (sum += complete_[left - 1].bytes) <= options_.saved_bytes())
        if (std::string more = saved_.add(folder_, complete_[--left].name); trouble.empty())
            trouble = std::move(more);
    if (!trouble.empty()) notes_.push_back(std::move(trouble));
    if (left > 0)
        notes_.push_back(fmt::format("{} of the segments held aren't saved, the oldest: all are "
                                     "more than --max-saved {}",
                                     left, options_.saved_bytes()));
    hold_saved();
    return {};
}

void SegmentFolder::hold_saved() {
    for (std::string& note : saved_.hold(folder_)) notes_.push_back(std::move(note));
}

} // namespace tcpdwell::recording

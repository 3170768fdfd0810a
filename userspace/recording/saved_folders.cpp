// SPDX-License-Identifier: Apache-2.0
#include "recording/saved_folders.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <unordered_map>

namespace tcpdwell::recording {
namespace {

/// As much of a reason as can stand in a file's name.
std::string plain(std::string_view reason) {
    std::string text;
    for (const char c : reason.substr(0, 40))
        text += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    return text;
}

std::vector<OwnFolder::File> segments_in(const OwnFolder& folder) {
    std::vector<OwnFolder::File> found;
    if (const auto names = folder.names())
        for (const std::string& name : *names)
            if (is_segment_name(name))
                if (auto file = folder.file(name)) found.push_back(std::move(*file));
    return found;
}

struct Saved {
    std::string name;
    OwnFolder folder;
    std::vector<OwnFolder::File> segments;
};

/// The oldest first.
std::vector<Saved> saved_in(const OwnFolder& parent) {
    std::vector<Saved> found;
    const auto names = parent.names();
    if (!names) return found;
    for (const std::string& name : *names) {
        if (!name.starts_with(kSavedPrefix)) continue;
        auto folder = OwnFolder::find(parent, name);
        if (!folder) continue;
        auto segments = segments_in(*folder);
        found.push_back({name, std::move(*folder), std::move(segments)});
    }
    std::sort(found.begin(), found.end(),
              [](const Saved& a, const Saved& b) { return a.name < b.name; });
    return found;
}

} // namespace

std::string name_stamp(WallTime at) {
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
    return fmt::format("{:%Y%m%dT%H%M%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1000)),
                       ms % 1000);
}

Result<void> SavedFolders::begin(const OwnFolder& parent, WallTime now, std::string_view reason) {
    std::string name = fmt::format("{}{}-{}", kSavedPrefix, name_stamp(now), plain(reason));
    auto folder = OwnFolder::create(parent, name);
    if (!folder) return tl::unexpected(folder.error());
    current_.emplace(std::move(*folder));
    current_name_ = std::move(name);
    return {};
}

std::string SavedFolders::add(const OwnFolder& parent, const std::string& name) const {
    if (!current_) return "";
    errno = 0;
    if (parent.file(name) && parent.link(name, *current_)) return "";
    if (errno == EEXIST || errno == ENOENT) return "";
    return fmt::format("cannot save {}/{}: {}", current_->path(), name,
                       errno == 0 ? "it is no file of ours" : std::strerror(errno));
}

std::vector<std::string> SavedFolders::hold(const OwnFolder& parent) {
    std::vector<Saved> all = saved_in(parent);
    // A segment that two of them have is there once.
    std::unordered_map<ino_t, unsigned> holders;
    std::uint64_t sum = 0;
    for (const Saved& saved : all)
        for (const OwnFolder::File& file : saved.segments)
            if (++holders[file.inode] == 1) sum += file.bytes;

    std::vector<std::string> notes;
    for (const Saved& oldest : all) {
        if (sum <= most_) return notes;
        if (current_ && oldest.name == current_name_) continue;
        if (oldest.segments.empty()) continue;
        for (const OwnFolder::File& file : oldest.segments) {
            oldest.folder.remove(file.name);
            if (--holders[file.inode] == 0) sum -= file.bytes;
        }
        const bool is_gone = parent.remove_folder(oldest.name);
        notes.push_back(fmt::format("removed {} to keep what is saved below --max-saved {}{}",
                                    oldest.folder.path(), most_,
                                    is_gone ? "" : "; what isn't a segment is left in it"));
    }
    if (sum > most_ && current_) {
        notes.push_back(fmt::format("stops saving to {}: it alone has {} bytes, more than "
                                    "--max-saved {}",
                                    current_->path(), sum, most_));
        end();
    }
    return notes;
}

} // namespace tcpdwell::recording

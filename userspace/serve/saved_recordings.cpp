// SPDX-License-Identifier: Apache-2.0
#include "serve/saved_recordings.h"

#include <sys/stat.h>

#include <algorithm>
#include <tuple>

#include "recording/saved_folders.h"

namespace tcpdwell::serve {
namespace {

/// Of the characters that recorders use, so that it can stand in a URL and in HTML as it is.
bool is_plain(std::string_view name) {
    return std::ranges::all_of(name, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_' || c == '.';
    });
}

} // namespace

std::vector<SavedRecordings::File> SavedRecordings::list() const {
    std::vector<File> files;
    const auto folders = parent_.names();
    if (!folders) return files;
    for (const std::string& folder : *folders) {
        if (!folder.starts_with(recording::kSavedPrefix) || !is_plain(folder)) continue;
        const auto saved = recording::OwnFolder::find(parent_, folder);
        const auto names = saved ? saved->names() : Result<std::vector<std::string>>();
        if (!names) continue;
        for (const std::string& name : *names)
            if (recording::is_segment_name(name) && is_plain(name))
                if (const auto file = saved->file(name))
                    files.push_back({folder, name, file->bytes});
    }
    std::ranges::sort(files, {}, [](const File& file) { return std::tie(file.folder, file.name); });
    return files;
}

std::optional<std::pair<Fd, std::uint64_t>> SavedRecordings::open(std::string_view folder,
                                                                  std::string_view name) const {
    for (const File& file : list()) {
        if (file.folder != folder || file.name != name) continue;
        const auto saved = recording::OwnFolder::find(parent_, file.folder);
        Fd fd = saved ? saved->open_file(file.name) : Fd();
        struct stat status {};
        if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
        return std::pair(std::move(fd), static_cast<std::uint64_t>(status.st_size));
    }
    return std::nullopt;
}

} // namespace tcpdwell::serve

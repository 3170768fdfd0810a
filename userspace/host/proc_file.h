// SPDX-License-Identifier: Apache-2.0
// Reading the files of /proc and /sys, whose size isn't known before, and walking their
// directories.
#pragma once

#include <dirent.h>
#include <fcntl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tcpdwell::host {

/// The whole file; a relative `path` begins at the directory `at`. The error says what couldn't be
/// read and why.
Result<std::string> read_proc_file(const char* path, int at = AT_FDCWD);

/// Text without white space at either end.
std::string_view trimmed(std::string_view text);

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

/// Opens a directory for readdir(3); nullptr with errno set if that fails.
Directory open_directory(const char* path, int at = AT_FDCWD);

} // namespace tcpdwell::host

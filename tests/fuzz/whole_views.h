// SPDX-License-Identifier: Apache-2.0
// What all targets do with a recording: every command that reads one, as a user calls it. What they
// print goes to stdout, which the fuzzer closes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace tcpdwell::test {

/// A file without a name, and its path.
struct MemoryFile {
    explicit MemoryFile(std::string_view contents);
    [[nodiscard]] std::string path() const;

    Fd fd;
};

/// Runs report, trace, info and copy over the files, all at once. Aborts if one of them does
/// anything else than to end with a status or an error.
void run_whole_views(const std::vector<std::string>& paths);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// A file that is written as a whole when the run is over; what was there is left as it is until
// then. As a recording does, it holds addresses and names of processes, and is its owner's alone.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/pending_file.h"
#include "base/result.h"

namespace tcpdwell::cli {

/// Declares --force, which makes `if_exists` replace, on `app`.
void declare_force(CLI::App& app, IfExists& if_exists);

/// ErrorCode::usage if the file at `path` ("-": standard output) is one of the recordings that are
/// read ("-": standard input), by whatever name.
Result<void> check_is_no_input(const std::string& path, const std::vector<std::string>& inputs);

class OutputFile {
public:
    /// Opens it for writing, before privileges are given up and before a long run. The error names
    /// the file and the cause.
    static Result<OutputFile> open(const std::string& path, IfExists if_exists);

    [[nodiscard]] PendingFile& file() { return file_; }
    /// All that it is to hold; once.
    Result<void> write(std::string_view text);

private:
    explicit OutputFile(PendingFile file) : file_(std::move(file)) {}

    PendingFile file_;
};

} // namespace tcpdwell::cli

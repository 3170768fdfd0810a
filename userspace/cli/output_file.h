// SPDX-License-Identifier: Apache-2.0
// A file that is written as a whole when the run is over, and left as it is until then.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace tcpdwell::cli {

class OutputFile {
public:
    /// Opens it for writing, before privileges are given up and before a long run; what it holds
    /// stays. Creates it if it isn't there. The error names the file and the cause.
    static Result<OutputFile> open(const std::string& path);
    OutputFile(OutputFile&&) = default;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile(); ///< removes a file that it created and that was never written

    /// Replaces the contents.
    Result<void> write(std::string_view text);

private:
    OutputFile(std::string path, Fd fd, bool created)
        : path_(std::move(path)), fd_(std::move(fd)), created_(created) {}

    std::string path_;
    Fd fd_;
    bool created_; ///< by us, and not written yet
};

} // namespace tcpdwell::cli

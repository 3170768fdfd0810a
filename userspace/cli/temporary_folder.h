// SPDX-License-Identifier: Apache-2.0
// A folder of our own for as long as a command runs.
#pragma once

#include <string>

#include "base/result.h"

namespace tcpdwell::cli {

/// In $TMPDIR, or else /tmp, with mode 0700.
class TemporaryFolder {
public:
    /// `name` begins its name.
    static Result<TemporaryFolder> create(const std::string& name);
    TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) {
        other.path_.clear();
    }
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    ~TemporaryFolder(); ///< removes it with what is in it, unless keep() was called

    [[nodiscard]] const std::string& path() const { return path_; }
    void keep() { path_.clear(); }

private:
    explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}

    std::string path_; ///< "": nothing to remove
};

} // namespace tcpdwell::cli

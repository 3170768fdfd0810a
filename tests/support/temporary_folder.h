// SPDX-License-Identifier: Apache-2.0
// A folder for the files of one test.
#pragma once

#include <filesystem>

namespace tcpdwell::test {

/// A folder of its own below the system's one for temporary files, removed with its contents.
class TemporaryFolder {
public:
    /// Throws std::system_error.
    TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace tcpdwell::test

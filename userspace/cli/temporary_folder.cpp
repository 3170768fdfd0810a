// SPDX-License-Identifier: Apache-2.0
#include "cli/temporary_folder.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace tcpdwell::cli {

Result<TemporaryFolder> TemporaryFolder::create(const std::string& name) {
    const char* const own = std::getenv("TMPDIR");
    const std::string parent = own != nullptr && *own != '\0' ? own : "/tmp";
    std::string path = fmt::format("{}/{}.XXXXXX", parent, name);
    if (::mkdtemp(path.data()) == nullptr) {
        const int error = errno;
        return fail(ErrorCode::failed,
                    fmt::format("cannot create a folder in {}: {}", parent, std::strerror(error)),
                    error);
    }
    return TemporaryFolder(std::move(path));
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

} // namespace tcpdwell::cli

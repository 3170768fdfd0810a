// SPDX-License-Identifier: Apache-2.0
#include "store/spool_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tcpdwell::store {

Error file_error(std::string_view what, const std::string& path) {
    const int error = errno;
    return {ErrorCode::failed, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)),
            error};
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = ENOSPC;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

} // namespace tcpdwell::store

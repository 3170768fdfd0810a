// SPDX-License-Identifier: Apache-2.0
#include "cli/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tcpdwell::cli {

Result<OutputFile> OutputFile::open(const std::string& path) {
    constexpr mode_t mode = 0666; // less the umask
    Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    const bool created = fd.get() >= 0;
    if (!created && errno == EEXIST) fd = Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd.get() < 0) {
        const int error = errno;
        return fail(ErrorCode::failed,
                    fmt::format("cannot write {}: {}", path, std::strerror(error)), error);
    }
    return OutputFile(path, std::move(fd), created);
}

OutputFile::~OutputFile() {
    if (fd_.get() >= 0 && created_) ::unlink(path_.c_str());
}

Result<void> OutputFile::write(std::string_view text) {
    struct stat status {};
    const bool is_regular = ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode);
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t n = ::write(fd_.get(), text.data() + written, text.size() - written);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const int error = errno;
            return fail(ErrorCode::failed,
                        fmt::format("cannot write {}: {}", path_, std::strerror(error)), error);
        }
        written += static_cast<std::size_t>(n);
    }
    created_ = false;
    if (is_regular && ::ftruncate(fd_.get(), static_cast<off_t>(text.size())) != 0) {
        const int error = errno;
        return fail(ErrorCode::failed,
                    fmt::format("cannot write {}: {}", path_, std::strerror(error)), error);
    }
    return {};
}

} // namespace tcpdwell::cli

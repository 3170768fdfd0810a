// SPDX-License-Identifier: Apache-2.0
// The kernel makes these texts while they are read and hands out a page or so at a time, whatever
// is asked for.
#include "host/proc_file.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace tcpdwell::host {

Result<std::string> read_proc_file(const char* path, int at) {
    const auto failure = [path] {
        return fail(ErrorCode::failed,
                    fmt::format("cannot read {}: {}", path, std::strerror(errno)), errno);
    };
    const Fd fd(::openat(at, path, O_RDONLY | O_CLOEXEC));
    if (!fd) return failure();

    std::string text;
    std::array<char, 16384> piece;
    for (;;) {
        const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
        if (n == 0) return text;
        if (n > 0) text.append(piece.data(), static_cast<std::size_t>(n));
        if (n < 0 && errno != EINTR) return failure();
    }
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\n";
    const auto begin = text.find_first_not_of(space);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

Directory open_directory(const char* path, int at) {
    Fd fd(::openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return nullptr;
    Directory directory(::fdopendir(fd.get()));
    if (directory) static_cast<void>(fd.release());
    return directory;
}

} // namespace tcpdwell::host

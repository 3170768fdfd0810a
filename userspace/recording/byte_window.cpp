// SPDX-License-Identifier: Apache-2.0
#include "recording/byte_window.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tcpdwell::recording {
namespace {

constexpr std::size_t kChunk = 256 << 10;

} // namespace

Result<std::string_view> ByteWindow::look(std::size_t size) {
    if (begin_ > kChunk) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
    while (!at_end_ && bytes_.size() - begin_ < size) {
        const std::size_t had = bytes_.size();
        bytes_.resize(had + std::max(kChunk, size - (had - begin_)));
        const ssize_t n = ::read(fd_, bytes_.data() + had, bytes_.size() - had);
        bytes_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n < 0 && errno != EINTR) {
            const int error = errno;
            return fail(ErrorCode::failed, fmt::format("cannot read {}: {}", path_, std::strerror(error)), error);
        }
        at_end_ = n == 0;
    }
    return std::string_view(bytes_).substr(begin_, std::min(size, bytes_.size() - begin_));
}

void ByteWindow::skip(std::size_t size) {
    begin_ += size;
    place_ += size;
}

Result<void> ByteWindow::seek(std::uint64_t place) {
    if (::lseek(fd_, static_cast<off_t>(place), SEEK_SET) < 0) {
        const int error = errno;
        return fail(ErrorCode::failed, fmt::format("cannot seek in {}: {}", path_, std::strerror(error)), error);
    }
    bytes_.clear();
    begin_ = 0;
    at_end_ = false;
    place_ = place;
    return {};
}

} // namespace tcpdwell::recording

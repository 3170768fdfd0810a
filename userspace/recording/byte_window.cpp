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

ByteWindow::ByteWindow(int fd, std::string path) : fd_(fd), path_(std::move(path)) {
    const off_t stands = ::lseek(fd_, 0, SEEK_CUR);
    if (stands > 0) place_ = static_cast<std::uint64_t>(stands);
}

/// Behind what there is, for what is missing of `size` bytes.
void ByteWindow::make_room(std::size_t size) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ < capacity_ && begin_ + size <= capacity_) return;
    const std::size_t had = end_ - begin_;
    if (size + kChunk > capacity_) {
        const std::size_t wanted = (size / kChunk + 2) * kChunk;
        std::unique_ptr<char[]> larger(new char[wanted]); // not make_unique, which would zero it
        if (had != 0) std::memcpy(larger.get(), bytes_.get() + begin_, had);
        bytes_ = std::move(larger);
        capacity_ = wanted;
    } else {
        std::memmove(bytes_.get(), bytes_.get() + begin_, had);
    }
    begin_ = 0;
    end_ = had;
}

Result<std::string_view> ByteWindow::look(std::size_t size) {
    while (!at_end_ && end_ - begin_ < size) {
        make_room(size);
        const ssize_t n = TEMP_FAILURE_RETRY(
            ::read(fd_, bytes_.get() + end_, std::min(capacity_ - end_, std::max(size, kChunk))));
        if (n < 0) {
            const int error = errno;
            return fail(ErrorCode::failed,
                        fmt::format("cannot read {}: {}", path_, std::strerror(error)), error);
        }
        end_ += static_cast<std::size_t>(n);
        at_end_ = n == 0;
    }
    return std::string_view(bytes_.get() + begin_, std::min(size, end_ - begin_));
}

void ByteWindow::skip(std::size_t size) {
    begin_ += size;
    place_ += size;
}

Result<void> ByteWindow::seek(std::uint64_t place) {
    const std::uint64_t first = place_ - begin_;
    if (place >= first && place - first <= end_) { // a step back, or over a block that isn't wanted
        begin_ = static_cast<std::size_t>(place - first);
        place_ = place;
        return {};
    }
    if (::lseek(fd_, static_cast<off_t>(place), SEEK_SET) < 0) {
        const int error = errno;
        return fail(ErrorCode::failed,
                    fmt::format("cannot seek in {}: {}", path_, std::strerror(error)), error);
    }
    begin_ = end_ = 0;
    at_end_ = false;
    place_ = place;
    return {};
}

} // namespace tcpdwell::recording

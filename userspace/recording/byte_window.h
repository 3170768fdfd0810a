// SPDX-License-Identifier: Apache-2.0
// A window that moves over the bytes of a file, a pipe or a FIFO, as far as it is wanted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tcpdwell::recording {

class ByteWindow {
public:
    /// Doesn't own the descriptor; `path` is for messages.
    ByteWindow(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

    /// Up to `size` bytes from the present place on; fewer only where the file ends. Valid until the next call.
    Result<std::string_view> look(std::size_t size);
    /// Moves on by `size` bytes, which look() has shown.
    void skip(std::size_t size);
    /// To a place of a file that can be read twice.
    Result<void> seek(std::uint64_t place);
    [[nodiscard]] std::uint64_t place() const { return place_; }

private:
    int fd_;
    std::string path_;
    std::string bytes_;
    std::size_t begin_ = 0; ///< of what hasn't been skipped, in bytes_
    std::uint64_t place_ = 0;
    bool at_end_ = false;
};

} // namespace tcpdwell::recording

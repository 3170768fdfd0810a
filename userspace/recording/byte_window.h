// SPDX-License-Identifier: Apache-2.0
// A window that moves over the bytes of a file, a pipe or a FIFO, as far as it is wanted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tcpdwell::recording {

/// Memory: the largest size that was looked at, and half a MiB; nothing is zeroed or moved without
/// need, so that a slow pipe costs no more than a fast one.
class ByteWindow {
public:
    /// Doesn't own the descriptor; `path` is for messages. The present place of a file is where it
    /// stands.
    ByteWindow(int fd, std::string path);

    /// Up to `size` bytes from the present place on; fewer only where the file ends. Valid until
    /// the next call.
    Result<std::string_view> look(std::size_t size);
    /// Moves on by `size` bytes, which look() has shown.
    void skip(std::size_t size);
    /// To a place of a file that can be read twice.
    Result<void> seek(std::uint64_t place);
    [[nodiscard]] std::uint64_t place() const { return place_; }

private:
    void make_room(std::size_t size);

    int fd_;
    std::string path_;
    std::unique_ptr<char[]> bytes_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0; ///< of what hasn't been skipped, in bytes_
    std::size_t end_ = 0;   ///< of what has been read
    std::uint64_t place_ = 0;
    bool at_end_ = false;
};

} // namespace tcpdwell::recording

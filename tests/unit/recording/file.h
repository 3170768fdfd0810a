// SPDX-License-Identifier: Apache-2.0
// Recordings in files without a name.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "recording/reader.h"
#include "recording/writer.h"
#include "records.h"

namespace tcpdwell::test {

inline Fd memory_file(std::string_view contents = {}) {
    Fd fd(::memfd_create("recording", MFD_CLOEXEC));
    EXPECT_EQ(::write(fd.get(), contents.data(), contents.size()),
              static_cast<ssize_t>(contents.size()));
    ::lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

inline std::string contents_of(int fd) {
    std::string text(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    EXPECT_EQ(::pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return text;
}

/// A recording of these records, in blocks of about `block_bytes`; without its end if `ends` is
/// false.
inline std::string recording_of(std::span<const Bytes> records, std::size_t block_bytes,
                                bool ends = true, std::uint64_t run = 77) {
    Fd fd = memory_file();
    const Fd kept(::dup(fd.get()));
    recording::WriterOptions options;
    options.block_bytes = block_bytes;
    auto writer = recording::RecordingWriter::begin(std::move(fd), "test", "{\"host\":\"h\"}", run,
                                                    0, options);
    EXPECT_TRUE(writer);
    for (const Bytes& record : records) EXPECT_TRUE((*writer)->write(record));
    EXPECT_TRUE(!ends || (*writer)->end());
    return contents_of(kept.get());
}

struct ReadBack {
    Bytes records;
    std::size_t blocks = 0;
    recording::Damage damage;
};

/// All that can be read; from a pipe if `as_pipe`, which takes contents of up to 1 MiB.
inline ReadBack read_back(std::string_view contents, bool as_pipe = false) {
    ReadBack result;
    Fd fd;
    if (as_pipe) {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        EXPECT_EQ(::write(ends[1], contents.data(), contents.size()),
                  static_cast<ssize_t>(contents.size()));
        ::close(ends[1]);
        fd = Fd(ends[0]);
    } else {
        fd = memory_file(contents);
    }
    auto reader = recording::RecordingReader::begin(std::move(fd), "test");
    if (!reader) {
        ADD_FAILURE() << reader.error().message;
        return result;
    }
    while (true) {
        auto block = (*reader)->next();
        if (!block || !*block) break;
        ++result.blocks;
        result.records.insert(result.records.end(), (*block)->begin(), (*block)->end());
    }
    result.damage = (*reader)->damage();
    return result;
}

} // namespace tcpdwell::test

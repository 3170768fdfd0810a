// SPDX-License-Identifier: Apache-2.0
// The tee before the decoder: what a source hands over, into a file.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "recording/head.h"
#include "recording/writer.h"

namespace tcpdwell {

class Recorder {
public:
    /// Opens the file for writing, before privileges are given up; "-" is stdout. A file that holds something is
    /// emptied when tracing has begun, not before. `filter` as the user gave it, for the head.
    static Result<std::unique_ptr<Recorder>> open(const std::string& path, std::string filter,
                                                  recording::WriterOptions options);

    /// One record; those before begin() are kept until then.
    Result<void> write(std::span<const std::byte> record);
    /// The facts that head the stream have been written: makes the head of them.
    Result<void> begin();
    Result<void> mark(MonoTime now);
    Result<void> end();

    [[nodiscard]] recording::WriterTotals totals() const;
    [[nodiscard]] std::uint64_t lost() const { return lost_; } ///< events, by the kernel's own count
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    Recorder(Fd fd, std::string path, std::string filter, recording::WriterOptions options);
    void look_at(std::span<const std::byte> record);

    Fd fd_;
    std::string path_;
    recording::WriterOptions options_;
    recording::Head head_;
    std::vector<std::byte> early_;
    std::unique_ptr<recording::RecordingWriter> writer_;
    std::uint64_t lost_ = 0;
};

} // namespace tcpdwell

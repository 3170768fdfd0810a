// SPDX-License-Identifier: Apache-2.0
// The tee before the decoder: what a source hands over, into a file, or into a folder of segments
// that roll.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/pending_file.h"
#include "base/result.h"
#include "event/filter.h"
#include "recording/head.h"
#include "recording/preamble.h"
#include "recording/segment_folder.h"
#include "recording/writer.h"

namespace tcpdwell::run {

struct RecorderOptions {
    std::string filter;          ///< as the user gave it, for the head
    recording::RollOptions roll; ///< with one of these the path is a folder
    bool survives_errors =
        false; ///< what can't be written is left out and counted, instead of ending the run
    Nanoseconds save_after{}; ///< how much of what follows save() saves

    event::Filter selection{};             ///< what it means, for readers
    IfExists if_exists = IfExists::refuse; ///< of a file; a folder is added to

    [[nodiscard]] bool rolls() const { return roll.rolls(); }
};

class Recorder {
public:
    /// Opens the file or folder for writing; "-" is stdout. What is in the file stays until
    /// begin(), which is called before privileges are given up, and if it never comes to that. An
    /// error if another recorder is writing it.
    static Result<std::unique_ptr<Recorder>> open(const std::string& path, RecorderOptions options);

    /// One record; those before begin() are kept until then.
    Result<void> write(std::span<const std::byte> record);
    /// The facts that head the stream have been written: makes the head of them.
    Result<void> begin();
    /// Everything before `now` has been written. Not before begin().
    Result<void> mark(MonoTime now);
    Result<void> end();

    /// Whether the source is to list the sockets that exist: the next segment begins with that.
    /// True once a segment.
    bool wants_listing();
    /// Saves what is held, and what comes within RecorderOptions::save_after, from being rolled
    /// away. Only where segments roll.
    Result<void> save(std::string_view reason);

    [[nodiscard]] recording::WriterTotals totals() const;
    [[nodiscard]] std::uint64_t lost() const {
        return lost_;
    } ///< events, by the kernel's own count
    [[nodiscard]] const std::string& path() const { return path_; }
    /// Why what comes now can't be written, with RecorderOptions::survives_errors; "" if it can.
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
    Recorder(std::optional<PendingFile> file, std::optional<recording::SegmentFolder> folder,
             std::string path, RecorderOptions options);
    void on_record(std::span<const std::byte> record);
    Result<void> begin_file(Fd fd, const std::string& path);
    Result<void> begin_segment_file();
    Result<void> begin_segment();
    /// Of the segment under way, without the listing that it begins with.
    [[nodiscard]] std::uint64_t own_bytes() const;
    void report_dropped(); ///< and that it is over
    void report_notes();   ///< of the folder

    std::optional<PendingFile> file_; ///< none: a folder
    std::optional<recording::SegmentFolder> folder_;
    std::string path_;
    RecorderOptions options_;
    std::uint64_t run_;
    ClockAnchor clock_; ///< the latest
    recording::Head head_;
    recording::Preamble preamble_;
    std::vector<std::byte> early_;
    std::unique_ptr<recording::RecordingWriter> writer_;
    recording::WriterTotals earlier_; ///< of the segments before
    std::uint64_t lost_ = 0;
    std::uint64_t reported_dropped_ = 0; ///< of the segment under way, as is the next
    std::uint64_t bytes_in_trouble_ = 0; ///< of the file
    std::string trouble_;
    MonoTime now_{};
    MonoTime segment_begin_{};
    bool listing_asked_ = false;
    bool has_listed_ = false; ///< since the last mark
    std::uint64_t listed_bytes_ = 0;
    std::optional<MonoTime> save_until_;
};

} // namespace tcpdwell::run

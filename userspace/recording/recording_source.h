// SPDX-License-Identifier: Apache-2.0
// A recording, or several segments of one, as a source of events: the alternative to the live
// kernel.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/record.h"
#include "event/source.h"
#include "recording/head.h"
#include "recording/reader.h"

namespace tcpdwell::recording {

struct ReplayOptions {
    double speed = 0; ///< 1: at the pace at which it was recorded; 0: as fast as it can be read
    /// poll() returns once right before the first record that isn't earlier; until then there is no
    /// pace to keep.
    std::optional<MonoTime> since;
    std::optional<MonoTime> until; ///< records after this time are left out
};

/// Hands over records up to the next mark (TD_NOW) at a time, so that whatever is decided between
/// records is decided where it was when they were recorded. Where something is missing (damaged
/// blocks, a missing segment, the time between two runs) stands a TD_GAP. What a segment repeats
/// for those who begin with it is left out where nothing is missing before it.
class RecordingSource final : public event::EventSource {
public:
    /// Opens the files; segments of one recording are put in order. ErrorCode::failed names the
    /// file that can't be read or doesn't belong to the others.
    static Result<std::unique_ptr<RecordingSource>> open(const std::vector<std::string>& paths);
    /// Files of several hosts: a source for each boot of each host, in the order in which the files
    /// first name them. A file whose head names no boot is one of its own.
    static Result<std::vector<std::unique_ptr<RecordingSource>>>
    open_by_host(const std::vector<std::string>& paths);

    /// Has to be called before the first poll().
    void set_options(const ReplayOptions& options) { options_ = options; }

    Result<Status> poll(const event::RecordSink& sink) override;
    [[nodiscard]] bool ready() const override { return true; }
    [[nodiscard]] MonoTime now() const override { return now_; }
    void stop() override { stopped_ = true; }

    [[nodiscard]] const std::vector<std::string>& paths() const {
        return paths_;
    } ///< in the order given
    /// Whether a mark has ended the last poll(); now() is then its time.
    [[nodiscard]] bool at_mark() const { return at_mark_; }
    [[nodiscard]] const Head& head() const {
        return head_;
    } ///< of the first file; the filter is that of all
    /// Latest time in the files; nullopt if one of them can be read only once, or has no record.
    [[nodiscard]] std::optional<MonoTime> end() const;
    [[nodiscard]] Damage damage() const; ///< of all files, as far as they have been read

private:
    explicit RecordingSource(
        std::vector<std::unique_ptr<RecordingReader>> readers); ///< in the order given
    /// Fetches the next block; false at the end of the last file.
    Result<bool> next_block(const event::RecordSink& sink);
    /// Compares the block with the one before, and reports what is missing between.
    Result<void> connect(const BlockHead& block, bool begins_file, const event::RecordSink& sink);
    /// When the run began, whose first intact block begins at `first`.
    [[nodiscard]] MonoTime begin_of_run(MonoTime first) const;
    /// What the first block would have said, as far as the file's head says it too: the clock, and
    /// facts about the host.
    void emit_head(const event::RecordSink& sink) const;
    /// Records are missing from now_ on.
    void emit_gap(MonoTime until, bool is_new_run, const event::RecordSink& sink) const;
    void stop_at_until(const event::RecordSink& sink);
    /// For a record with a time that can't be.
    void reject(td_header header, const event::RecordSink& sink);
    void keep_pace(MonoTime at);

    std::vector<std::string> paths_;
    std::vector<std::unique_ptr<RecordingReader>> readers_;
    std::size_t current_ = 0;
    std::size_t begun_files_ = 0; ///< of which a block has been read
    std::uint64_t run_ = 0;       ///< of the last block; 0: none yet
    std::uint64_t expected_ = 0;  ///< number of the next block of that run
    bool skips_repeated_ = false;
    bool reports_nothing_ = false; ///< that no block of the first file is intact has been reported
    Head head_;
    ReplayOptions options_;
    std::span<const std::byte> rest_; ///< of the block under way
    MonoTime now_{};
    std::uint64_t misdated_ = 0; ///< records
    bool stopped_ = false;
    bool past_until_ = false;
    bool at_mark_ = false;
    std::optional<MonoTime> pace_begin_;
    std::chrono::steady_clock::time_point pace_begin_here_;
};

} // namespace tcpdwell::recording

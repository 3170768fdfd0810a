// SPDX-License-Identifier: Apache-2.0
// What the views have in common, over the running kernel or over recordings: options, opening the
// source, warnings, exit status.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/pending_file.h"
#include "cli/filter_options.h"
#include "cli/probe_options.h"
#include "recording/recording_source.h"
#include "run/child_command.h"
#include "run/pipeline.h"
#include "run/recorder.h"
#include "run/time_window.h"

namespace tcpdwell::cli {

struct RunOptions {
    std::size_t buffer_bytes = 16 << 20;
    ProbeTexts probes;
    double duration = 0; ///< seconds; 0: until stopped
    std::size_t max_connections = track::TrackerOptions{}.max_connections;
    bool strict = false;
    bool quiet = false;
    bool verbose = false;
    std::vector<std::string> command;
    bool lines_at_close = false; ///< see TrackerOptions
    bool all = false;            ///< not only connections of the command and its descendants
    std::vector<std::string> recordings;   ///< to be read instead of the running kernel
    double speed = 0;                      ///< of replay; 0: as fast as possible
    run::WindowOptions window;             ///< which part of the recordings is reported
    Nanoseconds reads_on{};                ///< how long after the end of the window they are read
    std::string write;                     ///< file or folder to record to meanwhile
    IfExists if_exists = IfExists::refuse; ///< of `write`, and of other files that are written
    recording::RollOptions roll; ///< of what is recorded: with one of these `write` is a folder
    std::string on_write_error = "stop"; ///< or "continue"
    double save_after = 0;               ///< seconds; see RecorderOptions
    std::shared_ptr<FilterOptions> filters;
    std::string host_root;   ///< see LiveOptions
    std::string user;        ///< that the command runs as; "": who we are
    bool keeps_user = false; ///< files are made by the user who starts it, as long as it runs
    bool serves = false;     ///< takes connections at sockets that listen when the run is prepared
    PendingFile* late_file = nullptr; ///< is published when the run is over

    /// Declares on `app` those that concern the running kernel; filled when the command line is
    /// read.
    static std::shared_ptr<RunOptions> declare(CLI::App& app);
    /// And those that concern recordings.
    void declare_recordings(CLI::App& app);
    /// What to do when a recording can't be written.
    CLI::Option* declare_write_errors(CLI::App& app);
};

/// The files that are meant: a folder stands for the recordings in it.
Result<std::vector<std::string>> recording_files(const std::vector<std::string>& paths);

/// A run over the live kernel or over recordings, ready to go.
class ViewRun {
public:
    /// Starts logging, reads the filter, opens the recordings; or prepares the command and attaches
    /// the probes.
    static Result<ViewRun> prepare(const RunOptions& options);
    /// The same for a view that takes recordings of several hosts: a run for each of them, in the
    /// order of the files.
    static Result<std::vector<ViewRun>> prepare_each(const RunOptions& options);

    [[nodiscard]] const event::Filter& filter() const { return filter_; }
    /// Of the recording, see recording::Head; of the live kernel none.
    [[nodiscard]] std::vector<event::Filter> recorded_filters() const;
    /// The filters as their users wrote them.
    [[nodiscard]] std::string filter_text() const;
    /// One connection in so many is selected.
    [[nodiscard]] std::uint64_t sample() const { return sample_of(filter_, recorded_filters()); }
    [[nodiscard]] const run::Context& context() const { return *context_; }
    [[nodiscard]] std::string source_name() const; ///< "live", or the files
    [[nodiscard]] std::string
    host_name() const; ///< as named in the head of the recording; "" of the live kernel
    [[nodiscard]] std::string boot_id() const; ///< as host_name()
    [[nodiscard]] const run::TimeWindow& window() const { return window_; }
    /// nullptr: the running kernel is traced.
    [[nodiscard]] const recording::RecordingSource* recording() const { return replay_; }
    /// Puts another source before that of the recording, which then owns it; before run().
    void watch_through(const std::function<std::unique_ptr<event::EventSource>(
                           std::unique_ptr<event::EventSource>)>& make) {
        source_ = make(std::move(source_));
    }
    [[nodiscard]] run::Recorder* recorder() { return recorder_.get(); }
    [[nodiscard]] event::EventSource& source() { return *source_; }

    /// Until it is stopped; warns on stderr of what was lost.
    Result<run::PipelineOutcome> run(run::Consumer& consumer, bool interpret = true);

    /// The command's if it failed; 4 if events were lost and that is a failure; else 0.
    [[nodiscard]] int exit_status(const run::PipelineOutcome& outcome) const;

private:
    ViewRun(const RunOptions& options, event::Filter filter);
    Result<void> open_recordings();
    Result<void> replay(std::unique_ptr<recording::RecordingSource> source);
    Result<void> open_kernel();
    Result<void> prepare_command();
    Result<void> start_keeper();
    void warn(const run::PipelineOutcome& outcome) const;

    RunOptions options_;
    event::Filter filter_;
    run::TimeWindow window_;
    std::optional<run::ChildCommand> command_;
    std::unique_ptr<event::EventSource> source_;
    const recording::RecordingSource* replay_ = nullptr; ///< source_, if it is one
    std::unique_ptr<run::Recorder> recorder_;
    std::unique_ptr<run::Context> context_; ///< consumers keep references to it
};

} // namespace tcpdwell::cli

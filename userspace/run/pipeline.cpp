// SPDX-License-Identifier: Apache-2.0
#include "run/pipeline.h"

#include <spdlog/spdlog.h>

#include "run/signals.h"

namespace tcpdwell::run {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// How long the command may take to end after a signal.
constexpr auto kCommandGrace = std::chrono::seconds(2);

class PipelineRun {
public:
    PipelineRun(event::EventSource& source, Context& context, Consumer& consumer,
                const PipelineOptions& options, ChildCommand* command)
        : source_(source), options_(options), command_(command),
          pipe_(context, consumer, options.tracker) {}

    Result<PipelineOutcome> run() {
        bool is_stopping = false;
        while (true) {
            const auto status = poll_source();
            if (!status) return tl::unexpected(status.error());
            const auto wants_more = pipe_.advance(source_.now());
            if (!wants_more) return tl::unexpected(wants_more.error());
            start_command();
            if (*status == event::EventSource::Status::finished) return end();
            if (is_stopping || !(is_over() || !*wants_more)) continue;
            source_.stop();
            is_stopping = true;
        }
    }

private:
    Result<event::EventSource::Status> poll_source() {
        Recorder* const recorder = options_.recorder;
        Result<void> recorded;
        auto status = source_.poll([&](std::span<const std::byte> record) {
            if (recorder && recorded) recorded = recorder->write(record);
            if (options_.interpret) pipe_.feed(record);
            // A file may go on for a long time without a mark.
            if (options_.stops_at_once && signals_.received() != 0) source_.stop();
        });
        if (!status) return status;
        if (recorder && recorded) recorded = has_begun_ ? mark(*recorder) : recorder->begin();
        if (!recorded) return tl::unexpected(recorded.error());
        if (!has_begun_)
            if (auto settled = source_.settle_in(); !settled)
                return tl::unexpected(settled.error());
        if ((recorder && recorder->wants_listing()) || has_overdue()) source_.relist();
        if (options_.interpret && pipe_.wants_look(source_.now())) source_.look();
        if (!has_begun_ && options_.duration)
            deadline_ = std::chrono::steady_clock::now() + *options_.duration;
        has_begun_ = true; // the first batch is the facts
        return status;
    }

    /// Once a second: more often it would cost more than it helps.
    bool has_overdue() {
        const auto now = std::chrono::steady_clock::now();
        if (!options_.interpret || now < next_look_) return false;
        next_look_ = now + std::chrono::seconds(1);
        return pipe_.wants_listing(source_.now());
    }

    /// Where a reader is to act on what it has read, as we do now. Not before the source knows what
    /// time it is.
    Result<void> mark(Recorder& recorder) {
        return source_.now() == MonoTime{} ? Result<void>() : recorder.mark(source_.now());
    }

    void start_command() {
        // Once the source is ready, the owners of listeners are known.
        if (!command_ || command_started_ || !source_.ready()) return;
        command_started_ = true;
        command_->go();
    }

    /// By the command's end, a signal, or the duration.
    bool is_over() {
        if (command_) command_status_ = command_->poll();
        if (command_status_) return true;
        if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) return true;
        return signals_.received() != 0 && (!command_started_ || has_left_command());
    }

    /// After a signal: the command gets it too, and is traced to its end if that comes soon. What a
    /// terminal sends (SIGINT) it has got already, and SIGTERM if that doesn't end it.
    bool has_left_command() {
        const auto now = std::chrono::steady_clock::now();
        if (!patience_ends_) {
            patience_ends_ = now + kCommandGrace;
            if (signals_.received() != SIGINT) command_->signal(signals_.received());
        }
        if (now < *patience_ends_) return false;
        if (signals_.received() == SIGINT && !has_terminated_command_) {
            has_terminated_command_ = true;
            patience_ends_ = now + kCommandGrace;
            command_->signal(SIGTERM);
            return false;
        }
        spdlog::warn("the command doesn't end; it goes on without being traced");
        command_status_ = 128 + signals_.received(); // as a shell has it
        return true;
    }

    Result<PipelineOutcome> end() {
        if (options_.recorder)
            if (auto ended = options_.recorder->end(); !ended) return tl::unexpected(ended.error());
        pipe_.settle(source_.now());
        if (auto finished = pipe_.finish(source_.now()); !finished)
            return tl::unexpected(finished.error());
        return PipelineOutcome{pipe_.totals(), pipe_.quality(), command_status_,
                               signals_.received() != 0};
    }

    const StopSignals signals_;
    event::EventSource& source_;
    const PipelineOptions& options_;
    ChildCommand* const command_; ///< nullptr: none
    Pipe pipe_;
    bool has_begun_ = false;
    bool command_started_ = false;
    std::optional<int> command_status_;
    std::optional<SteadyTime> deadline_;
    SteadyTime next_look_{};
    std::optional<SteadyTime> patience_ends_; ///< with the command, after a signal
    bool has_terminated_command_ = false;
};

} // namespace

Result<PipelineOutcome> run_pipeline(event::EventSource& source, Context& context,
                                     Consumer& consumer, const PipelineOptions& options,
                                     ChildCommand* command) {
    return PipelineRun(source, context, consumer, options, command).run();
}

} // namespace tcpdwell::run

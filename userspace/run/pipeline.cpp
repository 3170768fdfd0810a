// SPDX-License-Identifier: Apache-2.0
#include "run/pipeline.h"

#include "run/signals.h"

namespace tcpdwell::run {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

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
        });
        if (!status) return status;
        if (recorder && recorded) recorded = has_begun_ ? mark(*recorder) : recorder->begin();
        if (!recorded) return tl::unexpected(recorded.error());
        if (recorder && recorder->wants_listing()) source_.relist();
        if (!has_begun_ && options_.duration)
            deadline_ = std::chrono::steady_clock::now() + *options_.duration;
        has_begun_ = true; // the first batch is the facts
        return status;
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
        return command_status_ || signals_.received() ||
               (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
    }

    Result<PipelineOutcome> end() {
        if (options_.recorder)
            if (auto ended = options_.recorder->end(); !ended) return tl::unexpected(ended.error());
        pipe_.settle(source_.now());
        if (auto finished = pipe_.finish(source_.now()); !finished)
            return tl::unexpected(finished.error());
        return PipelineOutcome{pipe_.totals(), pipe_.quality(), command_status_,
                               signals_.received()};
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
};

} // namespace

Result<PipelineOutcome> run_pipeline(event::EventSource& source, Context& context,
                                     Consumer& consumer, const PipelineOptions& options,
                                     ChildCommand* command) {
    return PipelineRun(source, context, consumer, options, command).run();
}

} // namespace tcpdwell::run

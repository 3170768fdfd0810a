// SPDX-License-Identifier: Apache-2.0
// The loop around a pipe: it polls the source, hands all records to the recorder, and ends the run
// when the source, a signal, the duration, the command or the consumer requests it.
#pragma once

#include <chrono>
#include <optional>

#include "base/result.h"
#include "event/source.h"
#include "run/child_command.h"
#include "run/pipe.h"
#include "run/recorder.h"

namespace tcpdwell::run {

struct PipelineOptions {
    track::TrackerOptions tracker;
    std::optional<std::chrono::nanoseconds> duration;
    Recorder* recorder = nullptr; ///< where all records go before they are decoded
    /// A signal ends the run after the record under way: for sources that can be stopped within
    /// poll(), and may hand over millions of records in one go.
    bool stops_at_once = false;
    bool interpret =
        true; ///< false: the records are only recorded; the consumer gets no calls between
};

struct PipelineOutcome {
    track::TrackerTotals totals;
    event::DataQuality quality;
    std::optional<int> command_status; ///< of the command after `--`
    bool interrupted = false;          ///< by a signal
};

/// Runs until the source is exhausted, a signal, the duration, the command's end, or a closed pipe.
/// `context` is also what the consumer may look things up in while it takes lines.
Result<PipelineOutcome> run_pipeline(event::EventSource& source, Context& context,
                                     Consumer& consumer, const PipelineOptions& options,
                                     ChildCommand* command);

} // namespace tcpdwell::run

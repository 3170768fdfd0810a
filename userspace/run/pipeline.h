// SPDX-License-Identifier: Apache-2.0
// The pipe: source -> decoder -> tracker -> consumer. The only place that knows all of them.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "event/decode.h"
#include "event/source.h"
#include "run/child_command.h"
#include "run/recorder.h"
#include "track/tracker.h"

namespace tcpdwell {

/// What is known besides connections, from the stream itself: facts, clock, cgroup paths.
class Context {
public:
    void on_event(const Event& event);

    [[nodiscard]] const ClockAnchor& clock() const { return clock_; }
    [[nodiscard]] std::optional<std::string_view> cgroup(std::uint64_t id) const;
    [[nodiscard]] const std::vector<Fact>& facts() const { return facts_; }

private:
    void learn(const Fact& fact); ///< the latest value counts

    ClockAnchor clock_;
    std::unordered_map<std::uint64_t, std::string> cgroups_;
    std::vector<Fact> facts_;
    std::map<std::pair<std::uint32_t, std::string>, std::size_t> fact_places_; ///< in facts_, by namespace and key
};

/// Where a run stands.
struct RunState {
    const Tracker& tracker;
    const DataQuality& quality;
    MonoTime now; ///< everything before it has been told
};

/// Takes the tracker's lines.
class Consumer : public TrackerListener {
public:
    /// The facts that head the stream have come; events follow.
    virtual void begin(const Context& context) = 0;
    /// Called after each batch; false ends the run (a closed pipe).
    virtual Result<bool> flush(const RunState& state) = 0;
    /// Nothing more comes. What has ended has been told; what is open is still in the tracker, and told next.
    virtual void settled(const RunState&) {}
    /// No more lines.
    virtual Result<void> finish() = 0;
};

struct PipelineOptions {
    TrackerOptions tracker;
    std::optional<std::chrono::nanoseconds> duration;
    Recorder* recorder = nullptr; ///< where all records go before they are decoded
    bool interpret = true;        ///< false: the records are only recorded; the consumer is told of nothing between
};

struct PipelineOutcome {
    TrackerTotals totals;
    DataQuality quality;
    std::optional<int> command_status; ///< of the command after `--`
    bool interrupted = false;          ///< by a signal
};

/// Runs until the source is exhausted, a signal, the duration, the command's end, or a closed pipe. `context` is also
/// what the consumer may look things up in while it takes lines.
Result<PipelineOutcome> run_pipeline(EventSource& source, Context& context, Consumer& consumer,
                                     const PipelineOptions& options, ChildCommand* command);

} // namespace tcpdwell

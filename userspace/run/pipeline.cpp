// SPDX-License-Identifier: Apache-2.0
#include "run/pipeline.h"

#include "run/signals.h"

namespace tcpdwell {
namespace {

/// Where a reader is to act on what it has read, as we do now. Not before the source knows what time it is.
Result<void> mark(Recorder& recorder, MonoTime now) { return now == MonoTime{} ? Result<void>() : recorder.mark(now); }

} // namespace

void Context::on_event(const Event& event) {
    if (const auto* clock = std::get_if<ClockReading>(&event))
        clock_ = clock->anchor;
    else if (const auto* path = std::get_if<CgroupPath>(&event))
        cgroups_.insert_or_assign(path->id, path->path);
    else if (const auto* fact = std::get_if<Fact>(&event))
        learn(*fact);
}

void Context::learn(const Fact& fact) {
    const auto [known, is_new] = fact_places_.emplace(std::pair(fact.netns, fact.key), facts_.size());
    if (is_new)
        facts_.push_back(fact);
    else
        facts_[known->second].value = fact.value;
}

std::optional<std::string_view> Context::cgroup(std::uint64_t id) const {
    const auto it = cgroups_.find(id);
    if (it == cgroups_.end()) return std::nullopt;
    return it->second;
}

Result<PipelineOutcome> run_pipeline(EventSource& source, Context& context, Consumer& consumer,
                                     const PipelineOptions& options, ChildCommand* command) {
    const StopSignals signals;
    Decoder decoder;
    Tracker tracker(consumer, options.tracker);
    Recorder* const recorder = options.recorder;
    Result<void> recorded;
    const auto feed = [&](std::span<const std::byte> record) {
        if (recorder && recorded) recorded = recorder->write(record);
        if (!options.interpret) return;
        const auto event = decoder.decode(record);
        if (!event) return;
        context.on_event(*event);
        tracker.on_event(*event);
    };

    std::optional<std::chrono::steady_clock::time_point> deadline;
    bool begun = false;
    bool let_go = false;
    bool stopping = false;
    std::optional<int> command_status;
    while (true) {
        const auto status = source.poll(feed);
        if (!status) return tl::unexpected(status.error());
        if (recorder && recorded) recorded = begun ? mark(*recorder, source.now()) : recorder->begin();
        if (!recorded) return tl::unexpected(recorded.error());
        if (recorder && recorder->wants_listing()) source.relist();
        if (!begun) { // the first batch is the facts
            begun = true;
            consumer.begin(context);
            if (options.duration) deadline = std::chrono::steady_clock::now() + *options.duration;
        }
        if (command && !let_go && source.ready()) { // now the owners of listeners are known
            let_go = true;
            command->go();
        }
        tracker.advance_to(source.now());
        const auto open = consumer.flush(RunState{tracker, decoder.quality(), source.now()});
        if (!open) return tl::unexpected(open.error());
        if (*status == EventSource::Status::finished) break;
        if (stopping) continue;
        if (command) command_status = command->poll();
        if (!*open || command_status || signals.received() ||
            (deadline && std::chrono::steady_clock::now() >= *deadline)) {
            source.stop();
            stopping = true;
        }
    }
    if (recorder)
        if (auto ended = recorder->end(); !ended) return tl::unexpected(ended.error());
    tracker.settle(source.now());
    consumer.settled(RunState{tracker, decoder.quality(), source.now()});
    tracker.finish(source.now());
    if (auto finished = consumer.finish(); !finished) return tl::unexpected(finished.error());
    return PipelineOutcome{tracker.totals(), decoder.quality(), command_status, signals.received()};
}

} // namespace tcpdwell

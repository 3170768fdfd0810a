// SPDX-License-Identifier: Apache-2.0
// Decoder, context, tracker and consumer joined: wire records go in, the consumer gets lines. The
// pipe itself handles no source, clock, signal or process; run_pipeline() (pipeline.h)
// drives it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/analysis.h"
#include "base/byte_budget.h"
#include "base/result.h"
#include "event/decode.h"
#include "event/process_tree.h"
#include "run/known_paths.h"
#include "track/tracker.h"

namespace tcpdwell::run {

/// What is known besides connections, from the stream itself: facts, clock, cgroup paths,
/// descent of processes. Whatever the stream says, it takes some 110 MiB at most.
class Context {
public:
    /// How much had no room: facts that aren't kept, paths that are no longer known.
    std::size_t on_event(const event::Event& event);

    [[nodiscard]] const ClockAnchor& clock() const { return clock_; }
    [[nodiscard]] std::optional<std::string_view> cgroup(std::uint64_t id) const {
        return cgroups_.find(id);
    }
    /// The container, machine or unit whose cgroup it is, as views show it; nullopt: not known.
    [[nodiscard]] std::optional<std::string_view> container(std::uint64_t cgroup) const {
        return containers_.find(cgroup);
    }
    /// Both, as long as this exists.
    [[nodiscard]] analysis::CgroupNames cgroup_names() const {
        return {[this](std::uint64_t id) { return cgroup(id); },
                [this](std::uint64_t id) { return container(id); }};
    }
    /// How often the name of a cgroup or container became known, or another one.
    [[nodiscard]] std::uint64_t names_learnt() const { return names_learnt_; }
    [[nodiscard]] const std::vector<event::Fact>& facts() const { return facts_; }
    [[nodiscard]] const event::ProcessTree& processes() const { return processes_; }

private:
    /// A host has some hundred facts of some ten bytes each, and views print all of them.
    static constexpr std::size_t kMostAboutHost = 2 << 20;
    static constexpr std::size_t kMostAboutNamespaces = 8 << 20;

    bool learn(const event::Fact& fact); ///< the latest value counts
    std::size_t learn(const event::CgroupPath& cgroup);
    std::size_t learn(const event::ContainerName& container);

    ClockAnchor clock_;
    KnownPaths cgroups_;
    KnownPaths containers_; ///< as views show them, by cgroup
    std::uint64_t names_learnt_ = 0;
    event::ProcessTree processes_;
    ByteBudget about_host_{kMostAboutHost};
    ByteBudget about_namespaces_{kMostAboutNamespaces};
    std::vector<event::Fact> facts_;
    std::map<std::pair<std::uint32_t, std::string>, std::size_t>
        fact_places_; ///< in facts_, by namespace and key
};

/// Current state of a run.
struct RunState {
    const track::Tracker& tracker;
    const event::DataQuality& quality;
    MonoTime now; ///< everything before it has been passed on
};

/// Takes the tracker's lines.
class Consumer : public track::TrackerListener {
public:
    /// The facts that head the stream have come; events follow.
    virtual void begin(const Context& context) = 0;
    /// Called after each batch; false ends the run (a closed pipe).
    virtual Result<bool> flush(const RunState& state) = 0;
    /// End of input. Connections that have ended have been passed on; open ones are still in the
    /// tracker, and are passed on next.
    virtual void settled(const RunState&) {}
    /// Whether a report is near for which the sockets that wait are to be looked at (once for
    /// each).
    [[nodiscard]] virtual bool wants_look(MonoTime) { return false; }
    /// No more lines.
    virtual Result<void> finish() = 0;
};

/// feed() and advance() any number of times, then settle() and finish() once each.
class Pipe {
public:
    /// `context` and `consumer` must outlive the pipe.
    Pipe(Context& context, Consumer& consumer, const track::TrackerOptions& options);

    /// Takes one wire record. One that is damaged or unknown is counted in quality(). The consumer
    /// begins before the first that something may follow from, if that comes before advance():
    /// where the head of a recording is missing, events come first.
    void feed(std::span<const std::byte> record);
    /// All records of before `now` have been fed. The first call means also that the facts that
    /// head the stream have. False: the consumer wants no more.
    Result<bool> advance(MonoTime now);
    /// No record follows: the consumer gets the lines that were held back, and settled().
    void settle(MonoTime now);
    /// After settle(): the consumer gets the connections that are still open, and finish().
    Result<void> finish(MonoTime now);

    /// Whether a listing of the sockets would end connections whose end hasn't been seen. Looks at
    /// a tenth of them in each call.
    [[nodiscard]] bool wants_listing(MonoTime now) { return tracker_.finds_overdue(now); }

    [[nodiscard]] bool wants_look(MonoTime now) { return has_begun_ && consumer_.wants_look(now); }

    [[nodiscard]] const track::TrackerTotals& totals() const { return tracker_.totals(); }
    [[nodiscard]] const event::DataQuality& quality() const { return decoder_.quality(); }

private:
    void begin();
    [[nodiscard]] RunState state(MonoTime now) const { return {tracker_, decoder_.quality(), now}; }

    Context& context_;
    Consumer& consumer_;
    event::Decoder decoder_;
    track::Tracker tracker_;
    bool has_begun_ = false;
};

} // namespace tcpdwell::run

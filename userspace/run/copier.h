// SPDX-License-Identifier: Apache-2.0
// A part of a recording as a recording: the records of that time as they are, headed by what a
// reader has to know.
#pragma once

#include <functional>
#include <set>

#include "event/decode.h"
#include "recording/preamble.h"
#include "recording/recording_source.h"
#include "run/latest_counters.h"
#include "run/time_window.h"
#include "track/tracker.h"

namespace tcpdwell::run {

/// What is known at a moment within a stream, as records for a reader that begins there: facts,
/// clock, paths of cgroups, what had been lost, the sockets that exist, and the kernel's counters.
class StreamState : private track::TrackerListener {
public:
    using Write = std::function<Result<void>(std::span<const std::byte> record)>;

    StreamState() : tracker_(*this, {}) {}

    /// One record of the stream.
    void note(std::span<const std::byte> record);
    /// All before `now` has been noted.
    void advance_to(MonoTime now) { tracker_.advance_to(now); }
    /// Everything as of `now`; a mark where events may follow, and then the sockets, like a first
    /// pass of the listing over every namespace.
    [[nodiscard]] Result<void> write_to(MonoTime now, const Write& write);
    /// Records for which, or for what they said, there was no room.
    [[nodiscard]] std::uint64_t dropped() const {
        return decoder_.quality().dropped + preamble_.dropped();
    }

private:
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}
    void on_counters(const track::CountersLine& line) override { counters_.note(line); }

    event::Decoder decoder_;
    track::Tracker tracker_;
    recording::Preamble preamble_;
    LatestCounters counters_;
    std::set<std::uint32_t> namespaces_; ///< of which a listing has been seen
};

/// Reads `source`, whose options are to be those of `window`, to its end, and hands over what
/// belongs into the copy. ErrorCode::usage if it has nothing in the window. Returns how much of
/// what came before the window had no room in the head of the copy (StreamState::dropped()).
Result<std::uint64_t> copy(recording::RecordingSource& source, const TimeWindow& window,
                           const StreamState::Write& write);

} // namespace tcpdwell::run

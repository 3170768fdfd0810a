// SPDX-License-Identifier: Apache-2.0
// What happened in each of the latest steps of time, and which sockets there were: for views of the
// present.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "analysis/analysis.h"

namespace tcpdwell::analysis {

/// What happened in a step, and what there was at its end.
struct PulseStep {
    std::uint64_t opened = 0; ///< handshakes that were completed, of either role
    std::uint64_t closed = 0; ///< connections that left ESTABLISHED, however they ended
    std::uint64_t reset = 0;  ///< connections that ended by an RST, sent or received
    std::uint64_t failed = 0; ///< connects and handshakes that failed
    /// Segments, as the kernel counts them in each namespace. It is asked every some seconds; what
    /// it has counted is spread evenly over the steps since.
    std::uint64_t retransmitted = 0;
    std::uint64_t lost = 0; ///< events
    EnumArray<tcp::State, std::uint64_t> sockets;
};

/// Keeps the latest kMostSteps steps; what is older is forgotten. Listeners count in `sockets`
/// only.
class Pulse : public track::TrackerListener {
public:
    static constexpr std::size_t kMostSteps = 256;

    /// `step` is above 0; one connection in `sample` is there.
    Pulse(MonoTime begin, Nanoseconds step, std::uint64_t sample)
        : step_(step), ends_(begin + step), sample_(sample) {}

    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;

    /// Everything before `now` has been passed on: ends the steps that are over.
    void advance_to(MonoTime now);
    /// Those that have ended, the oldest first.
    [[nodiscard]] const std::deque<PulseStep>& steps() const { return steps_; }
    /// That under way: its `sockets` are those that there are now.
    [[nodiscard]] const PulseStep& present() const { return present_; }
    [[nodiscard]] Nanoseconds step() const { return step_; }
    /// Between the last two readings of the kernel's counters.
    [[nodiscard]] double retransmitted_per_second() const;

private:
    struct Reading {
        MonoTime at;
        std::uint64_t retransmitted;
        double per_second; ///< since the one before
    };

    [[nodiscard]] Weight weight_of(const track::ConnectionIdentity& who) const {
        return event::weight_in_sample(who.tuple, sample_);
    }
    void spread(std::uint64_t retransmitted, Nanoseconds over);

    Nanoseconds step_;
    MonoTime ends_; ///< the step under way
    std::uint64_t sample_;
    PulseStep present_;
    std::deque<PulseStep> steps_;
    std::unordered_map<std::uint32_t, Reading> readings_; ///< the last one of each namespace
};

} // namespace tcpdwell::analysis

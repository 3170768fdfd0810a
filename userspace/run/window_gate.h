// SPDX-License-Identifier: Apache-2.0
// Between the tracker and a consumer that is to get only a part of a recording. The tracker has
// processed everything, so what is passed on is correct: states, dwell times, beginnings that lie
// before the part.
#pragma once

#include <unordered_set>

#include "run/forwarding_consumer.h"
#include "run/latest_counters.h"
#include "run/time_window.h"

namespace tcpdwell::run {

/// For views of lines: passes on those whose time lies in the window, whenever they arrive. A
/// connection's time is when it ended, or was last seen if its end wasn't seen; one that is still
/// open is passed on if the window has no end of its own.
class LineGate final : public ForwardingConsumer {
public:
    /// Longest delay between an event and its report: that a mini-socket went from FIN_WAIT2 to
    /// TIME_WAIT may be seen only when its timer ends, 60 s and a few ticks of the timer wheel
    /// later.
    static constexpr Nanoseconds kReportedLate = std::chrono::seconds(120);

    /// `inner` must outlive the gate.
    LineGate(Consumer& inner, TimeWindow window) : ForwardingConsumer(inner), window_(window) {}

    void begin(const Context& context) override;
    void settled(const RunState& state) override;
    Result<void> finish() override;
    void on_move(const track::StateMove& move) override;
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    /// The last reading of before the window comes before the first within.
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

private:
    [[nodiscard]] bool wants(const track::ConnectionLine& line) const;

    TimeWindow window_;
    LatestCounters counters_; ///< before the window
    const Context* context_ = nullptr;
    MonoTime last_heard_{};       ///< of the connection that is given up
    std::optional<MonoTime> end_; ///< of the recording; set when it has been read
};

/// For views of a period: the consumer begins at `since`, gets every socket that exists then,
/// and everything from then on. The source ends a batch at `since`, and its last one at
/// `until`.
class PeriodGate final : public ForwardingConsumer {
public:
    /// `inner` must outlive the gate.
    PeriodGate(Consumer& inner, TimeWindow window)
        : ForwardingConsumer(inner), since_(window.since) {}

    void begin(const Context& context) override;
    Result<bool> flush(const RunState& state) override;
    void settled(const RunState& state) override;
    Result<void> finish() override;
    void on_move(const track::StateMove& move) override;
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

private:
    void open(const track::Tracker& tracker);
    /// What happened before and is reported only now counts from the beginning.
    [[nodiscard]] MonoTime clamped(MonoTime at) const {
        return since_ ? std::max(at, *since_) : at;
    }

    std::optional<MonoTime> since_;
    LatestCounters counters_; ///< before it is open
    const Context* context_ = nullptr;
    bool is_open_ = false;
    MonoTime end_{}; ///< of the recording, if it never opens
    std::unordered_set<track::ConnectionId>
        connecting_; ///< at `since`: their creation may be reported later, with the local port
    std::unordered_set<track::ConnectionId>
        ended_late_; ///< were there at `since`, for all that was known then
};

} // namespace tcpdwell::run

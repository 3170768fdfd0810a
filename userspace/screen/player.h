// SPDX-License-Identifier: Apache-2.0
// A recording as somebody watches it: at a pace, paused, and from another place on.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "event/source.h"

namespace tcpdwell::screen {

/// How a recording goes on.
struct Playback {
    double speed = 1; ///< 1: at the pace at which it was recorded; 0: as fast as it can be read
    bool is_paused = false;
    std::optional<MonoTime> target; ///< until then it is read without a pace, even if it is paused
};

/// Placed before a source that hands over what it has as fast as it is asked. When that is
/// exhausted this isn't: time stands still until it is stopped.
class Player final : public event::EventSource {
public:
    Player(std::unique_ptr<event::EventSource> source, Playback playback)
        : source_(std::move(source)), playback_(playback) {}

    Result<Status> poll(const event::RecordSink& sink) override;
    Result<void> settle_in() override { return source_->settle_in(); }
    [[nodiscard]] bool ready() const override { return source_->ready(); }
    [[nodiscard]] MonoTime now() const override { return source_->now(); }
    void stop() override;

    [[nodiscard]] const Playback& playback() const { return playback_; }
    [[nodiscard]] bool has_ended() const { return has_ended_; } ///< there is no more
    void pause(bool is_paused);
    /// Twice as fast, or half as fast; from 1/8 to 1024, and beyond that 0.
    void change_speed(bool is_faster);
    /// Reads on to there.
    void skip_to(MonoTime target) { playback_.target = target; }

private:
    /// How long it is until the time of what has been handed over; 0 or below: it has come.
    [[nodiscard]] Nanoseconds ahead() const;
    void forget_pace() { pace_.reset(); }

    /// When, here, what moment was reached.
    struct Pace {
        MonoTime recorded;
        std::chrono::steady_clock::time_point here;
    };

    std::unique_ptr<event::EventSource> source_;
    Playback playback_;
    std::optional<Pace> pace_;
    bool has_ended_ = false;
    bool is_stopped_ = false;
};

} // namespace tcpdwell::screen

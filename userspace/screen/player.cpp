// SPDX-License-Identifier: Apache-2.0
#include "screen/player.h"

#include <algorithm>
#include <thread>

namespace tcpdwell::screen {
namespace {

/// Keys are looked at between two of them.
constexpr Nanoseconds kNap = std::chrono::milliseconds(20);
constexpr double kSlowest = 0.125;
constexpr double kFastest = 1024;

} // namespace

Nanoseconds Player::ahead() const {
    const std::chrono::duration<double> recorded = source_->now() - pace_->recorded;
    const Nanoseconds paced = from_seconds(recorded.count() / playback_.speed);
    return paced - (std::chrono::steady_clock::now() - pace_->here);
}

Result<event::EventSource::Status> Player::poll(const event::RecordSink& sink) {
    if (is_stopped_) return source_->poll(sink);
    if (has_ended_ || (playback_.is_paused && !playback_.target)) {
        std::this_thread::sleep_for(kNap);
        return Status::more;
    }
    if (pace_ && !playback_.target && playback_.speed > 0) {
        if (const Nanoseconds left = ahead(); left > Nanoseconds(0)) {
            std::this_thread::sleep_for(std::min(left, kNap));
            return Status::more;
        }
    }
    auto status = source_->poll(sink);
    if (!status) return status;
    if (*status == Status::finished && !is_stopped_) has_ended_ = true; // the sink may have stopped
    if (is_stopped_) return status;
    if (playback_.target && (has_ended_ || source_->now() >= *playback_.target)) {
        playback_.target.reset();
        forget_pace();
    }
    if (!pace_) pace_ = Pace{source_->now(), std::chrono::steady_clock::now()};
    return Status::more;
}

void Player::stop() {
    is_stopped_ = true;
    source_->stop();
}

void Player::pause(bool is_paused) {
    playback_.is_paused = is_paused;
    forget_pace();
}

void Player::change_speed(bool is_faster) {
    double& speed = playback_.speed;
    if (is_faster)
        speed = speed == 0 || speed * 2 > kFastest ? 0 : speed * 2;
    else
        speed = speed == 0 ? kFastest : std::max(speed / 2, kSlowest);
    forget_pace();
}

} // namespace tcpdwell::screen

// SPDX-License-Identifier: Apache-2.0
#include "screen/top_view.h"

#include <algorithm>

namespace tcpdwell::screen {
namespace {

using namespace std::chrono_literals;

/// Keys are looked at no more often: a busy host has thousands of batches a second.
constexpr auto kKeyPause = 20ms;
/// Of all time, at most a fifth goes into refreshes.
constexpr int kRefreshShare = 4;
/// Between two looks at the numbers and holders of sockets that wait.
constexpr Nanoseconds kLookPause = 10s;

} // namespace

TopView::TopView(TopOptions options, const run::Context& context, Terminal& terminal,
                 Player* player, ViewState& view)
    : options_(std::move(options)), context_(context), terminal_(terminal), player_(player),
      view_(view) {}

void TopView::begin(const run::Context& context) {
    begin_ = context.clock().mono;
    collector_.emplace(options_.report, begin_);
}

Result<bool> TopView::flush(const run::RunState& reached) {
    // Before the first event no time has been reached.
    const run::RunState state{reached.tracker, reached.quality, std::max(reached.now, begin_)};
    const auto here = std::chrono::steady_clock::now();
    if (here < next_keys_) return !is_over_;
    next_keys_ = here + kKeyPause;
    const bool is_moving = moves();
    const bool is_due = is_moving && here >= next_refresh_ && (!view_.is_frozen || player_);
    // What a recording is watched for is where it comes to rest.
    const bool has_come_to_rest = !is_moving && (was_moving_ || (data_ && data_->now != state.now));
    was_moving_ = is_moving;
    if (!data_ || is_due || has_come_to_rest) refresh(state);
    take_keys(state.now);
    if (is_stale_ && !is_over_) draw(state.now);
    return !is_over_;
}

bool TopView::moves() const {
    if (player_ == nullptr) return true;
    const Playback& playback = player_->playback();
    return !player_->has_ended() && (!playback.is_paused || playback.target);
}

void TopView::refresh(const run::RunState& state) {
    const auto begin = std::chrono::steady_clock::now();
    data_ = collector_->collect(state, context_);
    const auto end = std::chrono::steady_clock::now();
    next_refresh_ =
        std::max<SteadyTime>(begin + options_.interval, end + kRefreshShare * (end - begin));
    is_stale_ = true;
}

void TopView::draw(MonoTime now) {
    set_source(now);
    Layout layout = lay_out(*data_, view_, {terminal_.size(), terminal_.is_unicode()});
    extent_ = layout.extent;
    terminal_.draw(layout.lines);
    is_stale_ = false;
}

void TopView::set_source(MonoTime now) {
    SourceState& source = data_->source;
    source = options_.source;
    if (player_ == nullptr) return;
    source.is_live = false;
    source.is_paused = player_->playback().is_paused;
    source.is_seeking = player_->playback().target.has_value();
    source.has_ended = player_->has_ended();
    source.speed = player_->playback().speed;
    source.position = std::max(now - begin_, Nanoseconds(0));
    if (options_.end) source.length = *options_.end - begin_;
}

void TopView::take_keys(MonoTime now) {
    while (!is_over_) {
        const auto key = terminal_.next_key();
        if (!key) return;
        // Each key is about what is on the screen.
        if (is_stale_) draw(now);
        obey(press(view_, *key, extent_), now);
        is_stale_ = true;
    }
}

void TopView::obey(const KeyRequest& request, MonoTime now) {
    if (player_ != nullptr && player_->playback().is_paused != view_.is_frozen)
        player_->pause(view_.is_frozen);
    switch (request.what) {
    case KeyRequest::What::nothing: return;
    case KeyRequest::What::quit: is_over_ = true; return;
    case KeyRequest::What::redraw: terminal_.forget(); return;
    case KeyRequest::What::restart:
        collector_->restart(now);
        next_refresh_ = {};
        return;
    case KeyRequest::What::seek: seek(std::chrono::seconds(request.amount), now); return;
    case KeyRequest::What::faster:
        if (player_ != nullptr) player_->change_speed(request.amount > 0);
        return;
    }
}

void TopView::seek(Nanoseconds by, MonoTime now) {
    if (player_ == nullptr) return;
    const MonoTime from = player_->playback().target.value_or(now);
    const MonoTime to = std::max(shifted(from, by), begin_);
    if (to >= now) {
        player_->skip_to(to);
        was_moving_ = true; // it may be there before anybody looks
    } else {
        rewind_to_ = to;
        is_over_ = true;
    }
}

bool TopView::wants_look(MonoTime now) {
    if (!collector_ || (last_look_ && now - *last_look_ < kLookPause)) return false;
    last_look_ = now;
    return true;
}

void TopView::on_move(const track::StateMove& move) {
    if (collector_) collector_->on_move(move);
}

void TopView::on_transition(const track::TransitionLine& line) {
    if (collector_) collector_->on_transition(line);
}

void TopView::on_connection(const track::ConnectionLine& line) {
    if (collector_) collector_->on_connection(line);
}

void TopView::on_lost(const track::LostLine& line) {
    if (collector_) collector_->on_lost(line);
}

void TopView::on_counters(const track::CountersLine& line) {
    if (collector_) collector_->on_counters(line);
}

void TopView::on_stray_reset(const track::StrayResetLine& line) {
    if (collector_) collector_->on_stray_reset(line);
}

} // namespace tcpdwell::screen

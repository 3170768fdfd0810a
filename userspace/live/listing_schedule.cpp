// SPDX-License-Identifier: Apache-2.0
#include "live/listing_schedule.h"

#include <algorithm>

#include "live/duty.h"
#include "live/now.h"

namespace tcpdwell::live {
namespace {

constexpr std::uint64_t kResyncInterval = 5 * kSecondNs;
constexpr std::uint64_t kSweepInterval = kSecondNs;
constexpr std::uint64_t kCountersInterval = 10 * kSecondNs;
constexpr std::uint64_t kFirstLook = 2 * kSecondNs;
constexpr std::uint64_t kLookInterval = 10 * kSecondNs;
constexpr std::uint64_t kTimeWaitSeconds = 60; // TCP_TIMEWAIT_LEN

} // namespace

std::optional<ListingRequest> ListingSchedule::next(std::uint64_t now_ns,
                                                    const WaitingMinis& waiting) {
    if (asked_ != Asked::nothing) return std::nullopt;
    if (phase_ == Phase::running) {
        if ((resync_wanted_ && now_ns >= next_resync_ns_) ||
            (relist_wanted_ && now_ns >= next_relist_ns_))
            return begin_snapshot(now_ns);
        if (now_ns >= next_counters_ns_) return begin_counters(now_ns);
        if (now_ns >= next_look_ns_ || (look_wanted_ && now_ns >= next_wanted_look_ns_))
            return begin_look(now_ns, look_wanted_);
        if (waiting.empty() || now_ns < next_sweep_ns_) return std::nullopt;
        return begin_sweep(now_ns, waiting);
    }
    if (phase_ == Phase::stopping && now_ns < stop_by_ns_) {
        phase_ = Phase::final_counters;
        return begin_counters(now_ns);
    }
    if (phase_ == Phase::final_counters && now_ns < stop_by_ns_) {
        phase_ = Phase::final_look;
        return begin_look(now_ns, true);
    }
    if (phase_ == Phase::final_sweep || waiting.empty() || now_ns >= stop_by_ns_)
        return std::nullopt;
    phase_ = Phase::final_sweep;
    return begin_sweep(now_ns, waiting);
}

/// What was lost can't be recovered, but what exists now can be read, so that no connection lives
/// on in the tracker alone.
ListingRequest ListingSchedule::begin_snapshot(std::uint64_t now_ns) {
    look_wanted_ = look_wanted_ || relist_wanted_; // a reader that begins there knows nothing yet
    resync_wanted_ = relist_wanted_ = false;
    asked_ = Asked::snapshot;
    asked_at_ns_ = now_ns;
    return {};
}

ListingRequest ListingSchedule::begin_counters(std::uint64_t now_ns) {
    asked_ = Asked::counters;
    asked_at_ns_ = now_ns;
    return {ListingRequest::Kind::counters, {}, 0, false};
}

ListingRequest ListingSchedule::begin_look(std::uint64_t now_ns, bool all) {
    look_wanted_ = false;
    asked_ = Asked::waiting;
    asked_at_ns_ = now_ns;
    return {ListingRequest::Kind::waiting, {}, 0, all};
}

ListingRequest ListingSchedule::begin_sweep(std::uint64_t now_ns, const WaitingMinis& waiting) {
    asked_ = Asked::sweep;
    asked_at_ns_ = now_ns;
    const std::uint64_t time_wait = kTimeWaitSeconds * clock_.hz;
    const std::uint64_t now = clock_.at(now_ns);
    // Timers set since the last sweep began, with two ticks to spare.
    const std::uint64_t since = swept_until_jiffies_ != 0 ? swept_until_jiffies_ : now - time_wait;
    swept_until_jiffies_ = now;
    return {ListingRequest::Kind::sweep, waiting.namespaces(), since + time_wait - 2, false};
}

void ListingSchedule::on_done(SamplerDone what, std::uint64_t now_ns) {
    switch (what) {
    case SamplerDone::sockets:
        next_relist_ns_ = now_ns + pause_after(now_ns - asked_at_ns_);
        next_resync_ns_ = std::max(now_ns + kResyncInterval, next_relist_ns_);
        next_counters_ns_ = std::max(now_ns + kCountersInterval, next_relist_ns_);
        break;
    case SamplerDone::owners:
        asked_ = Asked::nothing;
        if (!ready_) next_look_ns_ = now_ns + kFirstLook;
        ready_ = true;
        break;
    case SamplerDone::sweep:
        asked_ = Asked::nothing;
        next_sweep_ns_ = now_ns + std::max(kSweepInterval, pause_after(now_ns - asked_at_ns_));
        break;
    case SamplerDone::counters:
        asked_ = Asked::nothing;
        next_counters_ns_ =
            now_ns + std::max(kCountersInterval, pause_after(now_ns - asked_at_ns_));
        break;
    case SamplerDone::waiting:
        asked_ = Asked::nothing;
        next_wanted_look_ns_ = now_ns + pause_after(now_ns - asked_at_ns_);
        next_look_ns_ = std::max(now_ns + kLookInterval, next_wanted_look_ns_);
        break;
    case SamplerDone::containers: break; // no listing
    }
}

void ListingSchedule::on_sampler_gone() {
    asked_ = Asked::gone;
    ready_ = true;
}

void ListingSchedule::stop(std::uint64_t now_ns, std::uint64_t most_ns) {
    if (phase_ == Phase::running) phase_ = Phase::stopping;
    stop_by_ns_ = now_ns + most_ns;
}

bool ListingSchedule::awaits_answer(std::uint64_t now_ns) const {
    const bool asked = asked_ != Asked::nothing && asked_ != Asked::gone;
    return asked && (phase_ == Phase::running || now_ns < stop_by_ns_);
}

bool ListingSchedule::finished(std::uint64_t now_ns) const {
    return phase_ != Phase::running && !awaits_answer(now_ns);
}

} // namespace tcpdwell::live

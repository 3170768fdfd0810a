// SPDX-License-Identifier: Apache-2.0
#include "analysis/accept_pauses.h"

#include <algorithm>
#include <iterator>

namespace tcpdwell::analysis {

void AcceptPauses::note_accept(MonoTime at) {
    auto next = std::ranges::lower_bound(spans_, at, {}, &Span::last); // that doesn't end before
    if (next != spans_.begin() && at - std::prev(next)->last <= kSpanGap) {
        const auto span = std::prev(next);
        span->last = std::max(span->last, at);
        if (next == spans_.end() || next->first - span->last > kSpanGap) return;
        span->last = next->last;
        spans_.erase(next);
        return;
    }
    if (next != spans_.end() && next->first - at <= kSpanGap) {
        next->first = std::min(next->first, at);
        return;
    }
    spans_.insert(next, Span{at, at});
    if (spans_.size() <= kMostSpans) return;
    forgotten_until_ = spans_.front().last;
    spans_.erase(spans_.begin());
}

void AcceptPauses::note(MonoTime established, MonoTime accepted) {
    if (!forgotten_until_ || accepted > *forgotten_until_) note_accept(accepted);
    const auto length = [](const Wait& each) { return each.accepted - each.established; };
    const Wait wait{established, accepted};
    if (length(wait) <= kSpanGap) return;
    const auto is_same = [&](const Wait& each) {
        return each.established == established && each.accepted == accepted;
    };
    if (std::ranges::any_of(waits_, is_same)) return;
    if (waits_.size() < kMostWaits) {
        waits_.push_back(wait);
        return;
    }
    const auto shortest = std::ranges::min_element(waits_, {}, length);
    if (length(*shortest) < length(wait)) *shortest = wait;
}

std::optional<AcceptPauses::Pause> AcceptPauses::pause_of(const Wait& wait) const {
    if (forgotten_until_ && wait.established <= *forgotten_until_) return std::nullopt;
    const auto span = std::ranges::find(spans_, wait.accepted, &Span::first);
    if (span == spans_.end()) return std::nullopt; // others were accepted while it waited
    const MonoTime before = span == spans_.begin()
                                ? wait.established
                                : std::max(wait.established, std::prev(span)->last);
    return Pause{before, wait.accepted};
}

std::optional<AcceptPauses::Pause> AcceptPauses::longest(MonoTime after) const {
    std::optional<Pause> found;
    for (const Wait& each : waits_)
        if (const auto pause = pause_of(each);
            pause && pause->end > after && (!found || pause->length() > found->length()))
            found = pause;
    return found;
}

bool AcceptPauses::is_usual(const Pause& pause) const {
    return std::ranges::any_of(waits_, [&](const Wait& each) {
        const auto other = pause_of(each);
        return other && other->end != pause.end && other->length() * 2 >= pause.length();
    });
}

} // namespace tcpdwell::analysis

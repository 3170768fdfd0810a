// SPDX-License-Identifier: Apache-2.0
#include "analysis/timeline.h"

#include <algorithm>

namespace tcpdwell::analysis {

void TimelineAnalysis::sample_until(MonoTime now) {
    if (now < next_) return;
    const Nanoseconds since = time_between(begin_, now);
    // Whatever time passes, there are some 300 samples to take for each doubling, and fewer than 64
    // doublings.
    while (static_cast<std::int64_t>(samples_.size()) <= since / step_) {
        if (samples_.size() == kMaxSamples) {
            for (std::size_t i = 0; i < kMaxSamples / 2; ++i) samples_[i] = samples_[2 * i];
            samples_.resize(kMaxSamples / 2);
            step_ *= 2; // no more than since / 300
            continue;
        }
        samples_.push_back(counts_);
    }
    next_ = shifted(begin_, bounded_sum(since - since % step_, step_));
}

void TimelineAnalysis::on_move(const track::StateMove& move, Weight weight) {
    sample_until(move.at);
    if (move.from) {
        auto& count = counts_[*move.from];
        count -= std::min(count, weight);
    }
    if (move.to) counts_[*move.to] += weight;
}

void TimelineAnalysis::add_to(report::Report& report, const ReportContext& moment) {
    sample_until(moment.now);
    report::Timeline timeline;
    timeline.begin = moment.clock.to_wall(begin_);
    timeline.step = step_;
    for (const tcp::State state : kAllOf<tcp::State>) {
        if (!has_connection(state)) continue;
        report::Timeline::Series series{state, {}};
        bool ever = false;
        for (const Counts& sample : samples_) {
            const std::uint64_t count = sample[state];
            ever = ever || count != 0;
            series.counts.push_back(count);
        }
        if (ever) timeline.series.push_back(std::move(series));
    }
    report.sections.push_back(
        {"timeline", "States over time", "", std::move(timeline), report::SectionPlace::states});
}

void TimelineAnalysis::next_interval(MonoTime now) {
    begin_ = next_ = now;
    step_ = kFirstStep;
    samples_.clear();
}

} // namespace tcpdwell::analysis

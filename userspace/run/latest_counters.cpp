// SPDX-License-Identifier: Apache-2.0
#include "run/latest_counters.h"

namespace tcpdwell::run {
namespace {

track::CountersLine line_of(const event::KernelCounters& reading) {
    return {reading.at, reading.netns, reading.counters};
}

} // namespace

void LatestCounters::note(const track::CountersLine& line) {
    if (readings_.size() >= kMostNamespaces && !readings_.contains(line.netns)) return;
    event::KernelCounters reading{line.at, line.netns, {}};
    for (const event::KernelCounters::Counter& each : line.counters)
        if (reading.counters.size() < kMostCounters && each.name.size() <= kLongestName)
            reading.counters.push_back(each);
    readings_.insert_or_assign(line.netns, std::move(reading));
}

void LatestCounters::hand_over(std::uint32_t netns, track::TrackerListener& to) {
    const auto known = readings_.find(netns);
    if (known == readings_.end()) return;
    to.on_counters(line_of(known->second));
    readings_.erase(known);
}

void LatestCounters::hand_over_all(track::TrackerListener& to) {
    for (const auto& [netns, reading] : readings_) to.on_counters(line_of(reading));
    readings_.clear();
}

} // namespace tcpdwell::run

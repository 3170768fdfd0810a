// SPDX-License-Identifier: Apache-2.0
#include "analysis/counter_growth.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

bool is_alphanumeric(char c) {
    return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

} // namespace

/// The names become keys of JSON, beside others that begin with a small letter.
std::string_view short_counter_name(std::string_view name) {
    for (const std::string_view group : {"Tcp.", "TcpExt."}) {
        if (!name.starts_with(group)) continue;
        name.remove_prefix(group.size());
        const bool is_name =
            !name.empty() && is_upper(name.front()) && std::ranges::all_of(name, is_alphanumeric);
        return is_name ? name : std::string_view();
    }
    return {};
}

void CounterGrowth::on_counters(const track::CountersLine& line) {
    if (const auto known = readings_.find(line.netns); known != readings_.end())
        known->second.last = line.at;
    else if (readings_.size() < kMostCounters)
        readings_.emplace(line.netns, Readings{line.at, line.at});
    for (const auto& [name, value] : line.counters) {
        const std::pair key(line.netns, name);
        if (const auto known = counters_.find(key); known != counters_.end()) {
            Counter& counter = known->second;
            counter.growth += value >= counter.last ? value - counter.last : value;
            counter.last = value;
        } else if (counters_.size() < kMostCounters && !short_counter_name(name).empty()) {
            counters_.emplace(key, Counter{value, 0});
        }
    }
}

void CounterGrowth::begin_anew() {
    for (auto& [key, counter] : counters_) counter.growth = 0;
    for (auto& [netns, readings] : readings_) readings.first = readings.last;
}

Nanoseconds CounterGrowth::time_read(std::uint32_t netns) const {
    const auto known = readings_.find(netns);
    return known == readings_.end() ? Nanoseconds(0) : known->second.last - known->second.first;
}

std::uint64_t CounterGrowth::growth(std::uint32_t netns, std::string_view name) const {
    const auto known = counters_.find(std::pair(netns, std::string(name)));
    return known == counters_.end() ? 0 : known->second.growth;
}

std::uint64_t CounterGrowth::total(std::string_view name) const {
    std::uint64_t sum = 0;
    for (const auto& [key, counter] : counters_)
        if (key.second == name) sum += counter.growth;
    return sum;
}

std::map<std::string_view, std::uint64_t> CounterGrowth::grown(std::uint32_t netns) const {
    std::map<std::string_view, std::uint64_t> grown;
    for (auto it = counters_.lower_bound(std::pair(netns, std::string()));
         it != counters_.end() && it->first.first == netns; ++it)
        if (it->second.growth != 0)
            grown[short_counter_name(it->first.second)] += it->second.growth;
    return grown;
}

} // namespace tcpdwell::analysis

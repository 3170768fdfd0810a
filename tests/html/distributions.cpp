// SPDX-License-Identifier: Apache-2.0
// Made-up samples, the same in every run.
#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <random>

#include "samples.h"

namespace tcpdwell::test {
namespace {

/// The log-linear bucket of a value: exact up to 64, then 64 to each factor of two.
std::pair<std::uint64_t, std::uint64_t> bucket_of(std::uint64_t value) {
    constexpr int kBits = 6;
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - 1 - kBits);
    const std::uint64_t low = value >> shift << shift;
    return {low, low + (1ULL << shift)};
}

} // namespace

Json no_samples(const std::string& title) {
    Json json = {{"title", title}, {"count", 0}};
    for (const char* key : {"min_ns", "mean_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"})
        json[key] = nullptr;
    json["open"] = nullptr;
    json["oldest_ns"] = nullptr;
    json["nominal_ns"] = nullptr;
    json["buckets"] = Json::array();
    return json;
}

Json json_distribution(const std::string& title, const std::vector<Durations>& parts) {
    std::mt19937_64 random(std::hash<std::string>{}(title) + parts.size());
    std::vector<std::uint64_t> samples;
    for (const Durations& part : parts) {
        std::lognormal_distribution<double> spread(0, part.spread);
        for (std::uint64_t i = 0; i < part.count; ++i)
            samples.push_back(static_cast<std::uint64_t>(
                std::max(part.least_ns, part.median_ns * spread(random))));
    }
    Json json = no_samples(title);
    if (samples.empty()) return json;
    std::sort(samples.begin(), samples.end());
    const auto quantile = [&](double q) {
        return samples[static_cast<std::size_t>(q * static_cast<double>(samples.size() - 1))];
    };
    json["count"] = samples.size();
    json["min_ns"] = samples.front();
    json["mean_ns"] =
        std::accumulate(samples.begin(), samples.end(), std::uint64_t{0}) / samples.size();
    json["p50_ns"] = quantile(0.5);
    json["p90_ns"] = quantile(0.9);
    json["p99_ns"] = quantile(0.99);
    json["p999_ns"] = quantile(0.999);
    json["max_ns"] = samples.back();
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> buckets;
    for (const std::uint64_t sample : samples) ++buckets[bucket_of(sample)];
    for (const auto& [range, count] : buckets)
        json["buckets"].push_back({range.first, range.second, count});
    return json;
}

} // namespace tcpdwell::test

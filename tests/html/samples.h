// SPDX-License-Identifier: Apache-2.0
// Reports for the page to draw, in the shape of `report --format json`.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tcpdwell::test {

using Json = nlohmann::ordered_json;

/// A web server in front of an application and a database: some of everything, a critical finding,
/// a TIME_WAIT crowd.
Json usual_report();

/// Nothing was seen.
Json empty_report();

/// Names and hosts that try to become markup, and null everywhere it is allowed.
Json hostile_report();

/// As much as a large host gives: 5000 services, a group of histograms per role, 300 steps of time.
Json huge_report();

/// Two hosts, and what both show the connections between them.
Json hosts_report();

/// Durations around one value: `count` of them, spread lognormally, at least `least_ns`.
struct Durations {
    std::uint64_t count;
    double median_ns;
    double spread; ///< sigma of the logarithm
    double least_ns = 1;
};

/// A distribution with the buckets (64 to the factor of two) that its samples fall into.
Json json_distribution(const std::string& title, const std::vector<Durations>& parts);

/// `distribution` with no samples: all null.
Json no_samples(const std::string& title);

} // namespace tcpdwell::test

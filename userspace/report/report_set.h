// SPDX-License-Identifier: Apache-2.0
// What `report` prints at once: the report on one host, or those on several hosts and the report
// on both ends of their connections.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/metrics.h"
#include "report/report.h"

namespace tcpdwell::report {

struct HostReport {
    std::string name; ///< as the report on both ends calls it; "" where there is one host only
    Report report;
    std::vector<MetricFamily> metrics{}; ///< for outputs that need them
};

/// What the id of a finding means, and the thresholds that apply to it.
struct FindingHelp {
    struct Threshold {
        std::string_view name;
        std::string value;
        std::string preset; ///< "": the value is the preset
        std::string_view help;
        std::string_view why; ///< the preset is what it is
    };
    std::string_view id;
    std::string_view summary;
    std::string_view text; ///< paragraphs, separated by line ends
    std::string_view source;
    std::vector<Threshold> thresholds;
};

struct ReportSet {
    /// Of one host.
    explicit ReportSet(Report report) { hosts.push_back({{}, std::move(report)}); }
    /// Of `of` hosts, to be filled.
    explicit ReportSet(std::size_t of) : hosts_asked_for(of) {}

    static constexpr std::string_view kBothEndsTitle = "Between the hosts";

    std::vector<HostReport> hosts;   ///< one at least; fewer than requested if it was interrupted
    std::size_t hosts_asked_for = 1; ///< that there are recordings of
    std::optional<Report> both_ends; ///< where more than one was asked for
    /// What words of the reports mean, for outputs that can explain them in place. Not
    /// owned.
    std::span<const TextPart> words;
    /// The same of findings, also of those that weren't made. Not owned.
    std::span<const FindingHelp> helps;
};

} // namespace tcpdwell::report

// SPDX-License-Identifier: Apache-2.0
// Something that happens in a network namespace of its own, and the report that is made of it. What
// the report should find is known by construction.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lines.h"

namespace tcpdwell::test {

/// Where a process that makes the traffic waits for the tracer.
class ReportSyncPoints {
public:
    explicit ReportSyncPoints(std::function<void()> prepared, std::function<void()> done)
        : prepared_(std::move(prepared)), done_(std::move(done)) {}
    /// To be called once before that which the report is to see: returns when tracing is on.
    void await_tracing() const { prepared_(); }
    /// To be called once at the end: returns when the report has been made. What is open until then
    /// is open in it.
    void await_report() const { done_(); }

private:
    std::function<void()> prepared_;
    std::function<void()> done_;
};

struct ReportCase {
    const char* comm;                 ///< name of the process that acts
    std::vector<std::string> options; ///< of `report`, besides the namespace
    void (*act)(
        const ReportSyncPoints& cues); ///< in that process and a new namespace; throws if it can't
};

struct CaseOutcome {
    nlohmann::json report;
    Task actor;
    std::uint32_t netns = 0;
};

/// Performs all of them at the same time, each with a report of its own; their outcomes in the same
/// order. Throws std::runtime_error if one can't be performed or its report isn't made.
std::vector<CaseOutcome> perform(const std::vector<ReportCase>& cases);

/// `--threshold NAME=VALUE` for each.
std::vector<std::string> thresholds(std::initializer_list<const char*> settings);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What a test expects of the findings of a report.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace tcpdwell::test {

using Words = std::vector<std::string>;

/// The ids of all findings.
std::set<std::string> findings_of(const nlohmann::json& report);

/// A finding as it should be; other keys of its evidence may be anything.
struct ExpectedFinding {
    const char* id;
    Words reported; ///< what the sentence contains: whose fault it is; of several of one id it is
                    ///< this one
    std::map<std::string, nlohmann::json> evidence; ///< what must be in the evidence
    Words advice;                                   ///< what the advice must contain
    Words not_advised; ///< recipes that would do harm or nothing: a sentence that names one has to
                       ///< warn of it
    bool has_connections = true; ///< ids of some connections belong to the evidence
};

/// Fails unless the report has the finding once, and as expected. Returns it, null if there is
/// none.
nlohmann::json expect_finding(const nlohmann::json& report, const ExpectedFinding& expected);

/// Fails if the report has findings other than these.
void expect_findings(const nlohmann::json& report, const std::set<std::string>& ids);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// A running `tcpdwell report`, and what it has found.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/program.h"

namespace tcpdwell::test {

class ReportRun {
public:
    /// Starts `tcpdwell report --format json ARGUMENTS`. Throws std::system_error.
    explicit ReportRun(const std::vector<std::string>& arguments)
        : ReportRun(arguments, Program::Setting()) {}
    ReportRun(const std::vector<std::string>& arguments, const Program::Setting& setting);

    /// Waits until it traces, and a little more, in which it reads what is there already. Throws
    /// std::runtime_error with what it says if it doesn't come to that.
    void await_tracing();
    /// SIGINT. Returns at once, so that several can be ended together.
    void interrupt() const;
    /// Its exit status as of Program::wait(), once it has ended.
    int wait();

    /// All reports so far, one for each line. Throws json::exception for a line that is none.
    [[nodiscard]] std::vector<nlohmann::json> reports() const;
    /// The report of a run that makes one and ends well. Waits for the end; throws
    /// std::runtime_error if that isn't so.
    nlohmann::json only_report();

    [[nodiscard]] Program& program() { return program_; }

private:
    Program program_;
};

/// The words that start it, the path of the binary first.
std::vector<std::string> report_words(const std::vector<std::string>& arguments);

/// The report of `tcpdwell report ARGUMENTS --all -- COMMAND`: the command begins only when
/// everything is known that was there before. Throws as ReportRun::only_report() does.
nlohmann::json report_on(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& command);

} // namespace tcpdwell::test

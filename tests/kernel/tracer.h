// SPDX-License-Identifier: Apache-2.0
// A running tcpdwell, whose output is read while it grows.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/program.h"

namespace tcpdwell::test {

/// Path of the binary under test, from the environment variable TCPDWELL; "" if it isn't set.
std::string tcpdwell_path();

/// `tcpdwell ARGUMENTS` in words. Where TCPDWELL_PROBES or TCPDWELL_BTF is set and the arguments
/// trace the running kernel, with `--probes` or `--btf` of it.
std::vector<std::string> tcpdwell_command(std::vector<std::string> arguments);

/// Exit status of `tcpdwell ARGUMENTS`, -1 if it didn't end within `limit` or was killed by a
/// signal; what it printed (both streams) in `output`.
int run_tcpdwell(const std::vector<std::string>& arguments, std::chrono::seconds limit,
                 std::string& output);

class Tracer {
public:
    /// Starts `tcpdwell ARGUMENTS`. Throws std::system_error.
    explicit Tracer(const std::vector<std::string>& arguments);

    /// Reads what has been printed since; the complete lines are appended to lines(). Throws
    /// json::exception for a line that is none.
    void read_more();
    [[nodiscard]] const std::vector<nlohmann::json>& lines() const { return lines_; }

    /// Waits for the first line, which says that tracing is on; false if it doesn't come within
    /// `limit`.
    bool await_first_line(std::chrono::seconds limit);
    /// SIGINT, then waits; the exit status, -1 if it was killed by a signal or didn't end within
    /// `limit`.
    int interrupt(std::chrono::seconds limit);

    [[nodiscard]] pid_t pid() const { return program_.pid(); }
    /// All that it has printed so far, as it is.
    [[nodiscard]] std::string printed() const { return program_.printed(); }
    /// What it said on stderr so far.
    [[nodiscard]] std::string complaints() const { return program_.said(); }

private:
    Program program_;
    std::size_t read_up_to_ = 0;
    std::string rest_; ///< of a line not yet complete
    std::vector<nlohmann::json> lines_;
};

} // namespace tcpdwell::test

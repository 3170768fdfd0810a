// SPDX-License-Identifier: Apache-2.0
// A running tcpdwell: a child process with its output in files, read while it grows.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/fd.h"

namespace tcpdwell::test {

/// Path of the binary under test, from the environment variable TCPDWELL; "" if it isn't set.
std::string tcpdwell_path();

/// `tcpdwell ARGUMENTS` in words. Where TCPDWELL_PROBES is set and the arguments trace the running kernel, with
/// `--probes` of it.
std::vector<std::string> tcpdwell_command(std::vector<std::string> arguments);

/// Exit status of `tcpdwell ARGUMENTS`, -1 if it didn't end within `limit` or was killed by a signal; what it printed
/// (both streams) in `output`.
int run_tcpdwell(const std::vector<std::string>& arguments, std::chrono::seconds limit, std::string& output);

class Tracer {
public:
    /// Starts `tcpdwell ARGUMENTS`. Throws std::system_error.
    explicit Tracer(const std::vector<std::string>& arguments);
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;
    ~Tracer(); ///< kills it if it still runs

    /// Reads what has been printed since; the complete lines are appended to lines(). Throws json::exception for a line
    /// that is none.
    void read_more();
    [[nodiscard]] const std::vector<nlohmann::json>& lines() const { return lines_; }

    /// Waits for the first line, which says that tracing is on; false if it doesn't come within `limit`.
    bool await_first_line(std::chrono::seconds limit);
    /// SIGINT, then waits; the exit status, -1 if it was killed by a signal or didn't end within `limit`.
    int interrupt(std::chrono::seconds limit);

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// All that it has printed so far, as it is.
    [[nodiscard]] std::string printed() const;
    /// What it said on stderr so far.
    [[nodiscard]] std::string complaints() const;

private:
    pid_t pid_ = -1;
    Fd out_;
    Fd err_;
    off_t read_up_to_ = 0;
    std::string rest_; ///< of a line not yet complete
    std::vector<nlohmann::json> lines_;
};

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What the views of the running kernel have in common: options, opening the source, warnings, exit status.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/child_command.h"
#include "cli/filter_options.h"
#include "cli/pipeline.h"

namespace tcpdwell {

struct LiveRunOptions {
    std::size_t buffer_bytes = 16 << 20;
    double duration = 0; ///< seconds; 0: until stopped
    std::size_t max_connections = TrackerOptions{}.max_connections;
    bool strict = false;
    bool quiet = false;
    bool verbose = false;
    std::vector<std::string> command;
    std::shared_ptr<FilterOptions> filters;

    /// Declares all of them on `app`; filled when the command line is read.
    static std::shared_ptr<LiveRunOptions> declare(CLI::App& app);
};

/// Seconds from 30, 30s, 500ms, 5m or 1h.
CLI::AsNumberWithUnit time_with_unit();

/// A run over the live kernel, ready to go.
class LiveRun {
public:
    /// Starts logging, reads the filter, prepares the command, attaches the probes.
    static Result<LiveRun> prepare(const LiveRunOptions& options);

    [[nodiscard]] const Filter& filter() const { return filter_; }
    [[nodiscard]] const Context& context() const { return *context_; }

    /// Until it is stopped; warns on stderr of what was lost.
    Result<PipelineOutcome> run(Consumer& consumer);

    /// The command's if it failed; 4 if events were lost and that is a failure; else 0.
    [[nodiscard]] int exit_status(const PipelineOutcome& outcome) const;

private:
    LiveRun(const LiveRunOptions& options, Filter filter, std::optional<ChildCommand> command,
            std::unique_ptr<EventSource> source);

    LiveRunOptions options_;
    Filter filter_;
    std::optional<ChildCommand> command_;
    std::unique_ptr<EventSource> source_;
    std::unique_ptr<Context> context_; ///< consumers hold on to it
};

} // namespace tcpdwell

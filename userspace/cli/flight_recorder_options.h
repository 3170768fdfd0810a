// SPDX-License-Identifier: Apache-2.0
// The options of a flight recorder, which record and serve have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/view_run.h"
#include "run/trigger.h"

namespace tcpdwell::cli {

struct FlightRecorderOptions {
    double keep = 0; ///< seconds; 0: all
    std::uint64_t max_bytes = 0;
    std::uint64_t max_saved = 0; ///< 0: the preset
    std::string dump_on;
    std::vector<std::string> triggers;

    /// `run` gets how much of what follows is saved as well.
    void declare(CLI::App& app, RunOptions& run, const std::vector<std::string>& dump_signals);
    [[nodiscard]] bool rolls() const { return keep > 0 || max_bytes > 0; }
    [[nodiscard]] bool saves() const { return !dump_on.empty() || !triggers.empty(); }
    /// Hands `run` how segments roll; the value are the triggers. ErrorCode::usage: they save what
    /// isn't held, or one can't be read.
    Result<std::vector<run::Trigger>> apply_to(RunOptions& run) const;
    [[nodiscard]] std::optional<int> dump_signal() const; ///< number of that of --dump-on

private:
    std::vector<const CLI::Option*> of_saving_; ///< have no effect unless something saves
};

} // namespace tcpdwell::cli

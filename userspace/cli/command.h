// SPDX-License-Identifier: Apache-2.0
// A subcommand is one file and one row in the catalog.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace tcpdwell::cli {

/// Runs the command after the command line has been read; the value is the exit status.
using Action = std::function<Result<int>()>;

struct Command {
    std::string_view name;
    std::string_view summary; ///< one line, for the overview in --help
    /// Declares options, description and examples on the subcommand's `app`; what it returns is
    /// called if the user chose it.
    Action (*define)(CLI::App& app);
};

/// All subcommands in the order of --help.
std::span<const Command> commands();

} // namespace tcpdwell::cli

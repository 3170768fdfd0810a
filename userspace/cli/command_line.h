// SPDX-License-Identifier: Apache-2.0
// The command line as a whole: all commands with their options, and what is said of a mistake.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace tcpdwell::cli {

/// What stands after -- in options that take a command to be run.
inline constexpr const char* kCommandArgument = "CMD";

class CommandLine {
public:
    CommandLine();

    /// Reads the arguments after the program's name. Returns what was chosen; nothing if all is
    /// done, as the help has been printed. A mistake is of ErrorCode::usage and says what to do.
    Result<Action> read(const std::vector<std::string>& arguments);

    /// All commands and options, for those who list them.
    [[nodiscard]] CLI::App& app() { return app_; }

private:
    std::string help_of(const std::string& command);
    Error mistake(const CLI::ParseError& error, const std::vector<std::string>& arguments);
    Error unknown_command(const std::string& word);
    Error unknown_argument(const std::string& word, const CLI::App& command) const;
    [[nodiscard]] std::optional<Error>
    missing_command(const std::vector<std::string>& arguments) const;
    std::optional<Error> misplaced_command(const std::vector<std::string>& arguments) const;

    CLI::App app_;
    Action chosen_;
    std::string explained_; ///< of `help`
};

} // namespace tcpdwell::cli

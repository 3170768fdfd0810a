// SPDX-License-Identifier: Apache-2.0
// The command line as a whole: all commands with their options.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace tcpdwell::cli {

/// Declares everything on `app`, which must have been made by `CLI::App app("", "tcpdwell")`. When
/// it parses a command line, `chosen` becomes the action of the command; it must outlive that.
void define_program(CLI::App& app, Action& chosen);

} // namespace tcpdwell::cli

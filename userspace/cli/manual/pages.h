// SPDX-License-Identifier: Apache-2.0
// Manual pages and completion scripts, as text.
#pragma once

#include <string>
#include <string_view>

#include "cli/manual/interface.h"

namespace tcpdwell::cli {

/// tcpdwell(8), in mdoc(7). `date` is that of the page: "November 29, 2026".
std::string program_page(const Interface& interface, std::string_view date);

/// tcpdwell-COMMAND(8). `command` must be one of `interface`.
std::string command_page(const Interface& interface, const CommandPage& command,
                         std::string_view date);

std::string bash_completion(const Interface& interface);
std::string zsh_completion(const Interface& interface);
std::string fish_completion(const Interface& interface);

} // namespace tcpdwell::cli

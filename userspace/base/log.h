// SPDX-License-Identifier: Apache-2.0
// Messages for people go to stderr, through spdlog's default logger; stdout is for data.
#pragma once

namespace tcpdwell {

/// Installs the logger: "tcpdwell: message" on stderr. `verbosity` 0: information and worse; 1:
/// debug; 2: trace; -1: warnings and worse.
void start_logging(int verbosity);

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
// The terminal of stdin and stdout, through ncurses, which sends only what changes.
#pragma once

#include <memory>

#include "base/result.h"
#include "screen/terminal.h"

namespace tcpdwell::screen {

/// Whether stdin and stdout are a terminal; ErrorCode::usage says which isn't, and what to do.
Result<void> check_terminal();

/// Takes the terminal over until it is destroyed, which brings back what was there before. Sets the
/// locale (LC_CTYPE) of the process to the user's. `colour`: if the terminal has any.
/// ErrorCode::usage as check_terminal(), and where it is of a kind that a full screen can't be
/// drawn on.
Result<std::unique_ptr<Terminal>> open_terminal(bool colour);

} // namespace tcpdwell::screen

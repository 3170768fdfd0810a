// SPDX-License-Identifier: Apache-2.0
// Colour is for people only.
#include "cli/terminal.h"

#include <unistd.h>

#include <cstdlib>

namespace tcpdwell {

bool stdout_takes_colour() {
    const char* no_colour = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
// tcpdwell top
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

Action define_top(CLI::App& app);

} // namespace tcpdwell::cli

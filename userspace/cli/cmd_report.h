// SPDX-License-Identifier: Apache-2.0
// tcpdwell report
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

Action define_report(CLI::App& app);

} // namespace tcpdwell::cli

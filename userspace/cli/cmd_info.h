// SPDX-License-Identifier: Apache-2.0
// `tcpdwell info`: describes a recording and checks whether it is complete.
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

/// Declares the command on `app`.
Action define_info(CLI::App& app);

} // namespace tcpdwell::cli

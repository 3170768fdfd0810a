// SPDX-License-Identifier: Apache-2.0
// `tcpdwell census`: the sockets that exist now, by state.
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

/// Declares the command on `app`.
Action define_census(CLI::App& app);

} // namespace tcpdwell::cli

// SPDX-License-Identifier: Apache-2.0
// `tcpdwell check`: whether this host can be traced, with which probes, and what to do where it
// cannot.
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

/// Declares the command on `app`.
Action define_check(CLI::App& app);

} // namespace tcpdwell::cli

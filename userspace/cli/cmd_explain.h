// SPDX-License-Identifier: Apache-2.0
// `tcpdwell explain`: what the terms mean, and the values of sysctls on this host.
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

/// Declares the command on `app`.
Action define_explain(CLI::App& app);

} // namespace tcpdwell::cli

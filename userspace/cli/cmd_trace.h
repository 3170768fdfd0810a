// SPDX-License-Identifier: Apache-2.0
// `tcpdwell trace`: every state transition, or every connection, as it happens.
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

/// Declares the command on `app`.
Action define_trace(CLI::App& app);

} // namespace tcpdwell::cli

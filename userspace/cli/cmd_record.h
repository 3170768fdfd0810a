// SPDX-License-Identifier: Apache-2.0
// `tcpdwell record`: everything that is seen, into a file.
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

/// Declares the command on `app`.
Action define_record(CLI::App& app);

} // namespace tcpdwell::cli

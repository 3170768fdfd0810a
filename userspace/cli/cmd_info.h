// SPDX-License-Identifier: Apache-2.0
// `tcpdwell info`: what a recording is, and whether it is whole.
#pragma once

#include "cli/command.h"

namespace tcpdwell {

/// Declares the command on `app`.
Action define_info(CLI::App& app);

} // namespace tcpdwell

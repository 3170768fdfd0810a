// SPDX-License-Identifier: Apache-2.0
// `tcpdwell copy`: a part of a recording, or one that can be given away.
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

Action define_copy(CLI::App& app);

} // namespace tcpdwell::cli

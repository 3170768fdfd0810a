// SPDX-License-Identifier: Apache-2.0
// `tcpdwell export`.
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

Action define_export(CLI::App& app);

} // namespace tcpdwell::cli

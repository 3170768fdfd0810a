// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command.h"

namespace tcpdwell::cli {

Action define_serve(CLI::App& app);

} // namespace tcpdwell::cli

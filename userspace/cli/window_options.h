// SPDX-License-Identifier: Apache-2.0
// The options --since and --until; what they mean is in run/time_window.h.
#pragma once

#include <CLI/CLI.hpp>

#include "run/time_window.h"

namespace tcpdwell::cli {

/// Declares them on `app`, filled when the command line is read. `window` must live as long as
/// `app`.
void declare_window(CLI::App& app, run::WindowOptions& window);

} // namespace tcpdwell::cli

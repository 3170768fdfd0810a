// SPDX-License-Identifier: Apache-2.0
// The option of the metrics that report and serve have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>

namespace tcpdwell::cli {

/// Declares --max-services.
void declare_max_services(CLI::App& app, std::size_t& max_services);

} // namespace tcpdwell::cli

// SPDX-License-Identifier: Apache-2.0
#include "cli/metrics_options.h"

namespace tcpdwell::cli {

void declare_max_services(CLI::App& app, std::size_t& max_services) {
    constexpr std::size_t most = 1000; // each is dozens of series in the monitoring system
    app.add_option("--max-services", max_services,
                   "Services with metrics of their own; all others count as 'other'")
        ->check(CLI::Range(std::size_t{1}, most))
        ->capture_default_str();
}

} // namespace tcpdwell::cli

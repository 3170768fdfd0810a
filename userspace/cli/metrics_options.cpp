// SPDX-License-Identifier: Apache-2.0
#include "cli/metrics_options.h"

#include "cli/option_values.h"

namespace tcpdwell::cli {

void declare_max_services(CLI::App& app, std::size_t& max_services) {
    constexpr std::size_t most = 1000; // each is dozens of series in the monitoring system
    add_number(app, "--max-services", max_services, most,
               "Services with metrics of their own; all others count as 'other'")
        ->capture_default_str();
}

} // namespace tcpdwell::cli

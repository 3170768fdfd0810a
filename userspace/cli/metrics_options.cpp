// SPDX-License-Identifier: Apache-2.0
#include "cli/metrics_options.h"

#include "cli/option_values.h"

namespace tcpdwell::cli {

analysis::MetricsOptions MetricsTexts::resolve(const run::Context& context,
                                               const analysis::RunDescription& run) const {
    return {max_services, !run.filter.empty(),
            label_container ? context.cgroup_names().container : analysis::NameOfCgroup(),
            run.sample};
}

void declare_metrics(CLI::App& app, MetricsTexts& texts) {
    constexpr std::size_t most = 1000; // each is dozens of series in the monitoring system
    add_number(app, "--max-services", texts.max_services, most,
               "Services with metrics of their own; all others count as 'other'")
        ->capture_default_str();
    app.add_flag("--label-container", texts.label_container,
                 "Metrics of a service also have the labels container, pod and namespace: a "
                 "service in three containers is three");
}

} // namespace tcpdwell::cli

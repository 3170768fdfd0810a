// SPDX-License-Identifier: Apache-2.0
// The options of the metrics that report and serve have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>

#include "analysis/metrics.h"
#include "analysis/overview.h"
#include "run/pipe.h"

namespace tcpdwell::cli {

struct MetricsTexts {
    std::size_t max_services = analysis::MetricsOptions{}.max_services;
    bool label_container = false;

    /// `context` is asked for containers, and must outlive what the options are for.
    [[nodiscard]] analysis::MetricsOptions resolve(const run::Context& context,
                                                   const analysis::RunDescription& run) const;
};

/// Declares --max-services and --label-container.
void declare_metrics(CLI::App& app, MetricsTexts& texts);

} // namespace tcpdwell::cli

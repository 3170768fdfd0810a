// SPDX-License-Identifier: Apache-2.0
// Metrics as text for monitoring systems. The text is prometheus-cpp's.
#pragma once

#include <span>
#include <string>

#include "report/metrics.h"

namespace tcpdwell::render {

/// Prometheus's text format 0.0.4.
std::string prometheus_text(std::span<const report::MetricFamily> families);
/// OpenMetrics 1.0.0, its end included.
std::string openmetrics_text(std::span<const report::MetricFamily> families);

} // namespace tcpdwell::render

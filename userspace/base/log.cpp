// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace tcpdwell {

void start_logging(int verbosity) {
    auto logger = std::make_shared<spdlog::logger>(
        "tcpdwell", std::make_shared<spdlog::sinks::stderr_sink_st>());
    logger->set_pattern("tcpdwell: %v");
    logger->set_level(verbosity < 0    ? spdlog::level::warn
                      : verbosity == 0 ? spdlog::level::info
                      : verbosity == 1 ? spdlog::level::debug
                                       : spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "base/text.h"

namespace tcpdwell {
namespace {

/// What is said, with file names and other untrusted strings in it.
class PrintablePayload final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& out) override {
        const std::string text = printable({message.payload.data(), message.payload.size()});
        out.append(text.data(), text.data() + text.size());
    }
    [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
        return std::make_unique<PrintablePayload>();
    }
};

} // namespace

void start_logging(int verbosity) {
    auto logger = std::make_shared<spdlog::logger>(
        "tcpdwell", std::make_shared<spdlog::sinks::stderr_sink_st>());
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PrintablePayload>('*').set_pattern("tcpdwell: %*");
    logger->set_formatter(std::move(formatter));
    logger->set_level(verbosity < 0    ? spdlog::level::warn
                      : verbosity == 0 ? spdlog::level::info
                      : verbosity == 1 ? spdlog::level::debug
                                       : spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

void print_error(std::string_view message) {
    std::fprintf(stderr, "tcpdwell: %s\n", printable(message).c_str());
}

} // namespace tcpdwell

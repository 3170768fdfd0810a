// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

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

using KeptMessages = spdlog::sinks::ringbuffer_sink_st;

/// Where messages go as long as there is a HeldLog.
std::shared_ptr<KeptMessages>& kept_messages() {
    static std::shared_ptr<KeptMessages> kept;
    return kept;
}

std::shared_ptr<spdlog::logger> make_logger(std::shared_ptr<spdlog::sinks::sink> sink) {
    auto logger = std::make_shared<spdlog::logger>("tcpdwell", std::move(sink));
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PrintablePayload>('*').set_pattern("tcpdwell: %*");
    logger->set_formatter(std::move(formatter));
    return logger;
}

/// Goes on as the default logger has, with other sinks.
void log_to(std::shared_ptr<spdlog::sinks::sink> sink) {
    auto logger = make_logger(std::move(sink));
    logger->set_level(spdlog::default_logger()->level());
    spdlog::set_default_logger(std::move(logger));
}

} // namespace

void start_logging(int verbosity) {
    std::shared_ptr<spdlog::sinks::sink> sink = kept_messages();
    if (!sink) sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
    auto logger = make_logger(std::move(sink));
    logger->set_level(verbosity < 0    ? spdlog::level::warn
                      : verbosity == 0 ? spdlog::level::info
                      : verbosity == 1 ? spdlog::level::debug
                                       : spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

HeldLog::HeldLog() {
    kept_messages() = std::make_shared<KeptMessages>(kMost);
    log_to(kept_messages());
}

HeldLog::~HeldLog() {
    const std::vector<std::string> lines = kept_messages()->last_formatted();
    kept_messages().reset();
    log_to(std::make_shared<spdlog::sinks::stderr_sink_st>());
    for (auto line = lines.begin(); line != lines.end(); ++line)
        if (std::find(lines.begin(), line, *line) == line) std::fputs(line->c_str(), stderr);
}

void print_error(std::string_view message) {
    std::fprintf(stderr, "tcpdwell: %s\n", printable(message).c_str());
}

} // namespace tcpdwell

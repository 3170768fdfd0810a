// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <fmt/format.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
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

/// Whether stderr is the journal's (systemd.exec(5), JOURNAL_STREAM), which reads a priority at the
/// beginning of a line (sd-daemon(3)).
bool goes_to_journal() {
    struct stat file {};
    const char* const journal = std::getenv("JOURNAL_STREAM");
    return journal != nullptr && ::fstat(STDERR_FILENO, &file) == 0 &&
           fmt::format("{}:{}", file.st_dev, file.st_ino) == journal;
}

class JournalPriority final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& out) override {
        const int priority = message.level >= spdlog::level::err    ? LOG_ERR
                             : message.level == spdlog::level::warn ? LOG_WARNING
                             : message.level == spdlog::level::info ? LOG_INFO
                                                                    : LOG_DEBUG;
        fmt::format_to(std::back_inserter(out), "<{}>", priority);
    }
    [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
        return std::make_unique<JournalPriority>();
    }
};

/// Where messages go as long as there is a HeldLog.
std::shared_ptr<KeptMessages>& kept_messages() {
    static std::shared_ptr<KeptMessages> kept;
    return kept;
}

std::shared_ptr<spdlog::logger> make_logger(std::shared_ptr<spdlog::sinks::sink> sink) {
    auto logger = std::make_shared<spdlog::logger>("tcpdwell", std::move(sink));
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PrintablePayload>('*').add_flag<JournalPriority>('P').set_pattern(
        goes_to_journal() ? "%P%*" : "tcpdwell: %*");
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
    spdlog::set_default_logger(std::move(logger));
    set_log_level(verbosity);
}

void set_log_level(int verbosity) {
    spdlog::set_level(verbosity < 0    ? spdlog::level::warn
                      : verbosity == 0 ? spdlog::level::info
                      : verbosity == 1 ? spdlog::level::debug
                                       : spdlog::level::trace);
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
    std::fprintf(stderr, "%s%s\n",
                 goes_to_journal() ? "<3>" : "tcpdwell: ", printable(message).c_str());
}

} // namespace tcpdwell

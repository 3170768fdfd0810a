// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <fmt/format.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

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

} // namespace

void start_logging(int verbosity) {
    auto logger = std::make_shared<spdlog::logger>(
        "tcpdwell", std::make_shared<spdlog::sinks::stderr_sink_st>());
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PrintablePayload>('*').add_flag<JournalPriority>('P').set_pattern(
        goes_to_journal() ? "%P%*" : "tcpdwell: %*");
    logger->set_formatter(std::move(formatter));
    spdlog::set_default_logger(std::move(logger));
    set_log_level(verbosity);
}

void set_log_level(int verbosity) {
    spdlog::set_level(verbosity < 0    ? spdlog::level::warn
                      : verbosity == 0 ? spdlog::level::info
                      : verbosity == 1 ? spdlog::level::debug
                                       : spdlog::level::trace);
}

void print_error(std::string_view message) {
    std::fprintf(stderr, "%s%s\n",
                 goes_to_journal() ? "<3>" : "tcpdwell: ", printable(message).c_str());
}

} // namespace tcpdwell

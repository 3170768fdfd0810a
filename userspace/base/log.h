// SPDX-License-Identifier: Apache-2.0
// Messages for people go to stderr, through spdlog's default logger; stdout is for data.
#pragma once

#include <cstddef>
#include <string_view>

namespace tcpdwell {

/// Installs the logger: "tcpdwell: message" on stderr. `verbosity` 0: information and worse; 1:
/// debug; 2: trace; -1: warnings and worse. To the journal (JOURNAL_STREAM) "<PRIORITY>message".
/// Each message is one line, whatever the strings in it hold (base/text.h).
void start_logging(int verbosity);

/// Of the logger that start_logging() has installed.
void set_log_level(int verbosity);

/// As long as one exists, messages are kept (the last kMost) instead of written: somebody else
/// draws on the terminal. When it goes they are written, each once. One at a time; the logger may
/// be started meanwhile.
class HeldLog {
public:
    static constexpr std::size_t kMost = 100;

    HeldLog();
    ~HeldLog();
    HeldLog(const HeldLog&) = delete;
    HeldLog& operator=(const HeldLog&) = delete;
};

/// The message of a command that has failed, in the same form; also where nothing logs.
void print_error(std::string_view message);

} // namespace tcpdwell

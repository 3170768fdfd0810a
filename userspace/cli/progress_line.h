// SPDX-License-Identifier: Apache-2.0
// One line on stderr that is updated while data is collected, for people at a terminal.
#pragma once

#include <chrono>
#include <string_view>

#include "base/time.h"

namespace tcpdwell::cli {

class ProgressLine {
public:
    /// Shows nothing unless `wanted` and stderr is a terminal.
    explicit ProgressLine(bool wanted);

    /// The time that has passed, and `text`; at most a few times a second.
    void show(Nanoseconds elapsed, std::string_view text);
    /// Before anything else is written to the terminal.
    void clear();

private:
    bool wanted_;
    bool is_shown_ = false;
    std::chrono::steady_clock::time_point next_{};
};

} // namespace tcpdwell::cli

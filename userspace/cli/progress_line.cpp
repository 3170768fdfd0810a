// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace tcpdwell::cli {
namespace {

constexpr std::chrono::milliseconds kPause(500);
constexpr std::string_view kEraseLine = "\r\x1b[K";

void put(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

} // namespace

ProgressLine::ProgressLine(bool wanted) : wanted_(wanted && ::isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(Nanoseconds elapsed, std::string_view text) {
    const auto now = std::chrono::steady_clock::now();
    if (!wanted_ || now < next_) return;
    next_ = now + kPause;
    is_shown_ = true;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
    put(fmt::format("{}{}:{:02}  {}", kEraseLine, seconds / 60, seconds % 60, text));
}

void ProgressLine::clear() {
    if (is_shown_) put(kEraseLine);
    is_shown_ = false;
}

} // namespace tcpdwell::cli

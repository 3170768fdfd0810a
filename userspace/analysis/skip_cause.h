// SPDX-License-Identifier: Apache-2.0
// Active closes after which the kernel kept no TIME_WAIT.
#pragma once

#include <optional>

#include "base/word_enum.h"
#include "track/connection.h"

namespace tcpdwell::analysis {

// clang-format off
#define TCPDWELL_SKIP_CAUSE_LIST(X)           \
    X(so_linger_zero, "so_linger_zero")       \
    X(unread_data, "unread_data")             \
    X(data_after_close, "data_after_close")   \
    X(linger2, "linger2")                     \
    X(other_reset_sent, "other_reset_sent")   \
    X(reset_received, "reset_received")       \
    X(timed_out, "timed_out")                 \
    X(fin_wait2_expired, "fin_wait2_expired") \
    X(overflow, "overflow")
// clang-format on

/// Why a connection that was closed actively left no TIME_WAIT.
TCPDWELL_WORD_ENUM(SkipCause, TCPDWELL_SKIP_CAUSE_LIST)

/// Whether the program asked for it by a socket option.
constexpr bool is_asked_for(SkipCause cause) {
    return cause == SkipCause::so_linger_zero || cause == SkipCause::linger2;
}

/// nullopt: it left a TIME_WAIT, or was closed by the other end.
std::optional<SkipCause> skip_cause(const track::ConnectionLine& line);

} // namespace tcpdwell::analysis

// SPDX-License-Identifier: Apache-2.0
// What the rules on ended connections ask of one.
#pragma once

#include <chrono>
#include <optional>

#include "track/connection.h"

namespace tcpdwell::analysis {

/// A connection that lasts shorter than a human's or a program's work on it.
constexpr Nanoseconds kAtOnce = std::chrono::seconds(1);
/// From so much silence on a connection was idle; round trips and work take less.
constexpr Nanoseconds kIdle = std::chrono::milliseconds(100);
/// Whoever closes so soon after connecting, or after sending, has waited for nothing.
constexpr Nanoseconds kMoment = std::chrono::milliseconds(20);

inline bool is_server_end(const track::ConnectionLine& line) {
    return line.who->role == tcp::Role::server;
}

inline bool is_client_end(const track::ConnectionLine& line) {
    return line.who->role == tcp::Role::client;
}

inline std::optional<Nanoseconds> time_in(const track::ConnectionLine& line, tcp::State state) {
    for (const track::PathStep& step : line.states)
        if (step.state == state) return step.dwell;
    return std::nullopt;
}

inline bool was_established_for_less_than(const track::ConnectionLine& line, Nanoseconds limit) {
    const auto dwell = time_in(line, tcp::State::ESTABLISHED);
    return dwell && *dwell < limit;
}

inline bool was_established_briefly(const track::ConnectionLine& line) {
    return was_established_for_less_than(line, kAtOnce);
}

inline bool has_sent(const track::ConnectionLine& line) {
    return line.numbers != nullptr && line.numbers->bytes_sent.value_or(0) > 0;
}

inline bool has_received(const track::ConnectionLine& line) {
    return line.numbers != nullptr && line.numbers->bytes_received.value_or(0) > 0;
}

inline bool has_left_unread(const track::ConnectionLine& line) {
    return line.numbers != nullptr && line.numbers->unread.value_or(0) > 0;
}

/// Whether all that it sent is known to have been acknowledged.
inline bool has_been_acknowledged(const track::ConnectionLine& line) {
    const OptionalNumber<std::uint32_t> nothing = 0;
    return line.numbers != nullptr && line.numbers->unsent == nothing &&
           line.numbers->unacked == nothing;
}

} // namespace tcpdwell::analysis

// SPDX-License-Identifier: Apache-2.0
// The JSON lines of `tcpdwell trace`, as a program that reads them would see them. A key that is
// missing or of another type throws: the shape is a promise.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sockets.h"

namespace tcpdwell::test {

using std::chrono::nanoseconds;

struct Task {
    int pid = 0;
    std::string comm;

    bool operator==(const Task&) const = default;
};

/// Which connection a line is about; what transition and connection lines share.
struct Subject {
    std::string conn;
    std::uint32_t netns = 0;
    std::string family;
    Endpoint local; ///< port 0 where it is null
    Endpoint remote;
    std::string role;
    std::optional<Task> process;
    std::optional<std::string> cgroup;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint64_t> cookie;
};

struct TransitionLine {
    Subject who;
    nanoseconds time{}; ///< since 1970
    std::string from;
    std::string to;
    std::optional<nanoseconds> dwell;
};

struct StateStep {
    std::string state;
    std::optional<nanoseconds> dwell;
};

struct TimeWaitPart {
    std::optional<nanoseconds> dwell;
    std::string end;
    int restarts = 0;
};

struct ConnectionLine {
    Subject who;
    std::optional<nanoseconds> opened; ///< since 1970
    std::optional<nanoseconds> closed;
    std::vector<StateStep> states;
    std::optional<Task> closed_by;
    std::string closed_first;
    std::string ending;
    std::optional<std::string> detail;
    std::optional<TimeWaitPart> time_wait;
    std::string seen;
    std::string text; ///< the line itself, for messages
};

/// Nanoseconds since 1970 of an RFC 3339 UTC time with nine digits of fraction; throws
/// std::invalid_argument for anything else.
nanoseconds parse_time(const std::string& text);

TransitionLine parse_transition(const nlohmann::json& line);
ConnectionLine parse_connection(const nlohmann::json& line);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// What a scenario knows to be true of the connections that it made: one table per connection, to be
// held against the tracer's line.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lines.h"
#include "support/moment.h"

namespace tcpdwell::test {

/// Bounds of a duration.
struct Span {
    nanoseconds min{};
    nanoseconds max{};
    bool may_be_known = true;
    bool may_be_unknown = false; ///< null on the line
};

/// From one moment to another, as far as the test's clock can measure, give or take `tolerance`.
Span between(Moment from, Moment to, nanoseconds tolerance = slack());
/// All of it happened inside `moment`.
Span within(Moment moment);
Span at_most(nanoseconds limit);
/// A kernel timer of this length ran out.
Span timer(nanoseconds timeout);
/// Two maximum segment lifetimes, 60 s on Linux.
inline Span two_msl() { return timer(std::chrono::seconds(60)); }
Span operator+(Span a, Span b);
/// Until the peer's ACK of our FIN: it may delay it by 40 ms (kernel: TCP_DELACK_MIN).
Span delayed_ack();
/// As `span`, shortened by an ACK that may have been delayed.
Span less_delayed_ack(Span span);
/// Must be null.
Span unknown();
/// Not asserted.
Span whatever();
/// `span`, or null.
Span or_unknown(Span span);

struct Step {
    std::string state;
    Span dwell;
};

/// The words allowed; "null" stands for null, none at all for anything.
struct Words {
    std::vector<std::string> allowed;

    Words() = default;
    Words(const char* word) : allowed{word} {}
    Words(std::initializer_list<const char*> words) : allowed(words.begin(), words.end()) {}
    [[nodiscard]] bool allow(const std::string& word) const;
};

/// The tasks allowed.
struct Who {
    std::vector<Task> tasks{};
    bool may_be_nobody = false;
    bool may_be_anyone = false;
    bool by_the_path = false; ///< only for closed_by: see Expected::closed_by
};

inline Who only(Task task) { return {.tasks = {std::move(task)}}; }
inline Who nobody() { return {.may_be_nobody = true}; }
inline Who anyone() { return {.may_be_nobody = true, .may_be_anyone = true}; }
inline Who maybe(Task task) { return {.tasks = {std::move(task)}, .may_be_nobody = true}; }

inline constexpr std::int64_t kNoUid = -1;  ///< null on the line
inline constexpr std::int64_t kAnyUid = -2; ///< not asserted

/// One end of a connection: what all lines about it must say.
struct End {
    std::string family = "ipv4";
    Endpoint local{}; ///< port 0 or address "": not asserted
    Endpoint remote{};
    Words role{};
    Who process{};
    Moment opened{}; ///< all zero: null on the line
};

struct Expected {
    std::string what; ///< for messages
    End end;
    int count = 1; ///< so many connections match `end`, and all are as reported here
    int turn = -1; ///< which one of several with the same ends, in the order of opening; -1: there
                   ///< is just one
    std::vector<Step> path{};
    Words closed_first{};
    Words ending{};
    Words detail = "null";
    Words time_wait = "null"; ///< time_wait.end
    int restarts = 0;         ///< -1: not asserted
    Words seen = "whole";
    /// Unless reported otherwise: the owner, if the path has a state of ours that only a close()
    /// leads to, or if it ended by our own reset or by giving up; else nobody.
    Who closed_by{.by_the_path = true};
    std::int64_t uid = 0;     ///< or kNoUid, kAnyUid
    std::uint64_t cookie = 0; ///< 0: not asserted
    bool cookie_is_late =
        false; ///< nobody but the tracer asked for it while the connection lasted, and not all can
};

/// A listening socket: no connection, but transitions.
struct ExpectedListener {
    Endpoint local;
    Span dwell; ///< in LISTEN, once closed
};

/// What must be known of the host to hold its lines against what was expected.
struct Host {
    nanoseconds wall_offset{}; ///< wall time minus monotonic time
    bool makes_cookies = true; ///< the programs can generate cookies
};

/// What differs between `line` and what was expected, in words; empty if nothing does.
std::vector<std::string> differences(const Expected& expected, const ConnectionLine& line,
                                     const Host& host);

/// Whether the line is about this end.
bool is_about(const End& end, const Subject& who);

/// Whether the connection's last trace stays in the kernel until tracing stops, as far as the table
/// reports.
bool stays_open(const Expected& expected);

void to_json(nlohmann::json& out, const Expected& expected);
void from_json(const nlohmann::json& in, Expected& expected);
void to_json(nlohmann::json& out, const ExpectedListener& expected);
void from_json(const nlohmann::json& in, ExpectedListener& expected);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Bounds from moments, and the comparison of one line with one table.
#include "expectation.h"

#include <algorithm>
#include <cstdio>

namespace tcpdwell::test {

namespace {

using Differences = std::vector<std::string>;

std::string text(nanoseconds time) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.3f ms", static_cast<double>(time.count()) / 1e6);
    return buffer;
}

std::string text(const Span& span) {
    std::string result = span.may_be_known ? text(span.min) + " to " + text(span.max) : "";
    if (span.may_be_unknown) result += result.empty() ? "null" : ", or null";
    return result;
}

std::string text(const Words& words) {
    std::string result;
    for (const std::string& word : words.allowed) result += (result.empty() ? "" : " or ") + word;
    return result;
}

std::string text(const std::optional<Task>& task) {
    return task ? task->comm + "[" + std::to_string(task->pid) + "]" : "null";
}

std::string text(const Who& who) {
    std::string result = who.may_be_nobody ? "null" : "";
    for (const Task& task : who.tasks) result += (result.empty() ? "" : " or ") + text(task);
    return result;
}

bool allows(const Span& span, std::optional<nanoseconds> value) {
    if (!value) return span.may_be_unknown;
    return span.may_be_known && *value >= span.min && *value <= span.max;
}

bool allows(const Who& who, const std::optional<Task>& task) {
    if (!task) return who.may_be_nobody;
    return who.may_be_anyone ||
           std::find(who.tasks.begin(), who.tasks.end(), *task) != who.tasks.end();
}

void compare(Differences& out, const char* key, const Words& wanted, const std::string& got) {
    if (!wanted.allow(got))
        out.push_back(std::string(key) + " is " + got + ", not " + text(wanted));
}

void compare(Differences& out, const char* key, const Who& wanted, const std::optional<Task>& got) {
    if (!allows(wanted, got))
        out.push_back(std::string(key) + " is " + text(got) + ", not " + text(wanted));
}

void compare_path(Differences& out, const Expected& expected, const ConnectionLine& line) {
    if (expected.path.empty()) return;
    std::string wanted, got;
    for (const Step& step : expected.path) wanted += " " + step.state;
    for (const StateStep& step : line.states) got += " " + step.state;
    if (wanted != got) {
        out.push_back("states are" + got + ", not" + wanted);
        return;
    }
    for (std::size_t i = 0; i < expected.path.size(); ++i) {
        const std::optional<nanoseconds>& dwell = line.states[i].dwell;
        if (!allows(expected.path[i].dwell, dwell))
            out.push_back(line.states[i].state + " lasted " + (dwell ? text(*dwell) : "null") +
                          ", not " + text(expected.path[i].dwell));
    }
}

Who closer_by_the_path(const Expected& expected) {
    const bool closed =
        std::any_of(expected.path.begin(), expected.path.end(), [](const Step& step) {
            return step.state == "FIN_WAIT1" || step.state == "LAST_ACK" || step.state == "CLOSING";
        });
    const bool ended = expected.ending.allow("reset_sent") || expected.detail.allow("given_up");
    return closed || ended ? expected.end.process : nobody();
}

} // namespace

Span between(Moment from, Moment to, nanoseconds tolerance) {
    return {std::max(nanoseconds(0), to.before - from.after - tolerance),
            to.after - from.before + tolerance};
}

Span within(Moment moment) { return at_most(moment.after - moment.before + slack()); }

Span at_most(nanoseconds limit) { return {nanoseconds(0), limit}; }

Span timer(nanoseconds timeout) {
    return {timeout - 2 * jiffy(), timeout + timer_granularity(timeout) + 2 * jiffy() + slack()};
}

Span operator+(Span a, Span b) { return {a.min + b.min, a.max + b.max}; }

Span delayed_ack() { return at_most(40ms + jiffy() + slack()); }

Span less_delayed_ack(Span span) {
    span.min = std::max(nanoseconds(0), span.min - delayed_ack().max);
    return span;
}

Span unknown() { return {.min = {}, .max = {}, .may_be_known = false, .may_be_unknown = true}; }

Span whatever() { return or_unknown(at_most(nanoseconds::max())); }

Span or_unknown(Span span) {
    span.may_be_unknown = true;
    return span;
}

bool Words::allow(const std::string& word) const {
    return allowed.empty() || std::find(allowed.begin(), allowed.end(), word) != allowed.end();
}

bool is_about(const End& end, const Subject& who) {
    const auto matches = [](const Endpoint& wanted, const Endpoint& got) {
        return (wanted.addr.empty() || wanted.addr == got.addr) &&
               (wanted.port == 0 || wanted.port == got.port);
    };
    return matches(end.local, who.local) && matches(end.remote, who.remote) &&
           end.role.allow(who.role);
}

bool stays_open(const Expected& expected) {
    const auto only_open = [](const Words& words) {
        return words.allowed.size() == 1 && words.allow("open");
    };
    return only_open(expected.ending) || only_open(expected.time_wait);
}

Differences differences(const Expected& expected, const ConnectionLine& line, const Host& host) {
    Differences out;
    const End& end = expected.end;
    if (line.who.family != end.family)
        out.push_back("family is " + line.who.family + ", not " + end.family);
    compare(out, "role", end.role, line.who.role);
    compare(out, "process", end.process, line.who.process);
    compare(out, "closed_by",
            expected.closed_by.by_the_path ? closer_by_the_path(expected) : expected.closed_by,
            line.closed_by);
    compare(out, "closed_first", expected.closed_first, line.closed_first);
    compare(out, "ending", expected.ending, line.ending);
    compare(out, "ending_detail", expected.detail, line.detail.value_or("null"));
    compare(out, "time_wait.end", expected.time_wait,
            line.time_wait ? line.time_wait->end : "null");
    compare(out, "seen", expected.seen, line.seen);
    if (line.time_wait && expected.restarts >= 0 && line.time_wait->restarts != expected.restarts)
        out.push_back("time_wait.restarts is " + std::to_string(line.time_wait->restarts) +
                      ", not " + std::to_string(expected.restarts));
    const std::int64_t uid = line.who.uid ? static_cast<std::int64_t>(*line.who.uid) : kNoUid;
    if (expected.uid != kAnyUid && uid != expected.uid)
        out.push_back("uid is " + std::to_string(uid) + ", not " + std::to_string(expected.uid));
    const bool may_lack_cookie = expected.cookie_is_late && !host.makes_cookies && !line.who.cookie;
    if (expected.cookie != 0 && line.who.cookie != expected.cookie && !may_lack_cookie)
        out.push_back("cookie is not that of SO_COOKIE, " + std::to_string(expected.cookie));
    if (end.opened.after == nanoseconds(0)) {
        if (line.opened) out.push_back("opened is reported, though it wasn't seen");
    } else if (!line.opened) {
        out.push_back("opened is null");
    } else if (const nanoseconds opened = *line.opened - host.wall_offset;
               opened < end.opened.before - slack() || opened > end.opened.after + slack()) {
        out.push_back("opened is off by " + text(opened - end.opened.before) +
                      " from the beginning and " + text(opened - end.opened.after) +
                      " from the end of the call");
    }
    compare_path(out, expected, line);
    return out;
}

} // namespace tcpdwell::test

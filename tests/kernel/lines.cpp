// SPDX-License-Identifier: Apache-2.0
// JSON to structs.
#include "lines.h"

#include <cstdio>
#include <ctime>
#include <stdexcept>

namespace tcpdwell::test {

namespace {

using nlohmann::json;

template <class T>
std::optional<T> maybe(const json& value) {
    return value.is_null() ? std::nullopt : std::optional<T>(value.get<T>());
}

std::optional<nanoseconds> maybe_duration(const json& value) {
    if (value.is_null()) return std::nullopt;
    if (!value.is_number_integer())
        throw std::invalid_argument("duration is no integer: " + value.dump());
    return nanoseconds(value.get<std::int64_t>());
}

std::optional<nanoseconds> maybe_time(const json& value) {
    if (value.is_null()) return std::nullopt;
    return parse_time(value.get<std::string>());
}

std::optional<Task> maybe_task(const json& value) {
    if (value.is_null()) return std::nullopt;
    return Task{value.at("pid").get<int>(), value.at("comm").get<std::string>()};
}

Endpoint endpoint(const json& value) {
    if (value.is_null()) return {};
    return {maybe<std::string>(value.at("addr")).value_or(""),
            maybe<std::uint16_t>(value.at("port")).value_or(0)};
}

// Hexadecimal, as every id over 2^53 and as ss(8) prints it.
std::optional<std::uint64_t> maybe_cookie(const json& value) {
    if (value.is_null()) return std::nullopt;
    if (value.is_number_integer()) return value.get<std::uint64_t>();
    return std::stoull(value.get<std::string>(), nullptr, 16);
}

Subject subject(const json& line) {
    const json& conn = line.at("conn");
    return {.conn = conn.is_string() ? conn.get<std::string>() : conn.dump(),
            .netns = line.at("netns").get<std::uint32_t>(),
            .family = line.at("family").get<std::string>(),
            .local = endpoint(line.at("local")),
            .remote = endpoint(line.at("remote")),
            .role = line.at("role").get<std::string>(),
            .process = maybe_task(line.at("process")),
            .cgroup = maybe<std::string>(line.at("cgroup")),
            .uid = maybe<std::uint32_t>(line.at("uid")),
            .cookie = maybe_cookie(line.at("cookie"))};
}

} // namespace

nanoseconds parse_time(const std::string& text) {
    std::tm time{};
    long fraction = 0;
    int used = 0;
    const int fields =
        std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%9ldZ%n", &time.tm_year, &time.tm_mon,
                    &time.tm_mday, &time.tm_hour, &time.tm_min, &time.tm_sec, &fraction, &used);
    if (fields != 7 || static_cast<std::size_t>(used) != text.size() || text.size() != 30)
        throw std::invalid_argument("no RFC 3339 time with nanoseconds: " + text);
    time.tm_year -= 1900;
    time.tm_mon -= 1;
    return std::chrono::seconds(timegm(&time)) + nanoseconds(fraction);
}

TransitionLine parse_transition(const json& line) {
    return {.who = subject(line),
            .time = parse_time(line.at("time").get<std::string>()),
            .from = line.at("from").get<std::string>(),
            .to = line.at("to").get<std::string>(),
            .dwell = maybe_duration(line.at("dwell_ns"))};
}

ConnectionLine parse_connection(const json& line) {
    ConnectionLine result{.who = subject(line),
                          .opened = maybe_time(line.at("opened")),
                          .closed = maybe_time(line.at("closed")),
                          .states = {},
                          .closed_by = maybe_task(line.at("closed_by")),
                          .closed_first = line.at("closed_first").get<std::string>(),
                          .ending = line.at("ending").get<std::string>(),
                          .detail = maybe<std::string>(line.at("ending_detail")),
                          .time_wait = std::nullopt,
                          .seen = line.at("seen").get<std::string>(),
                          .text = line.dump()};
    for (const json& step : line.at("states"))
        result.states.push_back(
            {step.at("state").get<std::string>(), maybe_duration(step.at("dwell_ns"))});
    if (const json& wait = line.at("time_wait"); !wait.is_null())
        result.time_wait = TimeWaitPart{.dwell = maybe_duration(wait.at("dwell_ns")),
                                        .end = wait.at("end").get<std::string>(),
                                        .restarts = wait.at("restarts").get<int>()};
    return result;
}

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
#include "cli/rows.h"

namespace tcpdwell {
namespace {

template <class T, class Convert>
Value optional_value(const std::optional<T>& value, const Convert& convert) {
    return value ? Value(convert(*value)) : Value();
}

Value text(std::optional<std::string_view> value) { return value ? Value(*value) : Value(); }

Value process(const std::optional<Process>& value) {
    return optional_value(value, [](const Process& p) { return ProcessValue{p.pid, p.comm()}; });
}

Value uid(const ConnectionIdentity& who) {
    return optional_value(who.uid, [](std::uint32_t u) { return std::int64_t{u}; });
}

Value cookie(const ConnectionIdentity& who) {
    return who.cookie == 0 ? Value() : Value(HexId{who.cookie});
}

Value wall(const std::optional<MonoTime>& at, const ClockAnchor& clock) {
    return optional_value(at, [&](MonoTime t) { return clock.to_wall(t); });
}

Value dwell(const std::optional<Nanoseconds>& value) {
    return optional_value(value, [](Nanoseconds d) { return d; });
}

std::string_view family(const FourTuple& tuple) {
    return tuple.family == Family::ipv4 ? "ipv4" : "ipv6";
}

constexpr int kIdDigits = 16;

} // namespace

TransitionRow to_row(const TransitionLine& line, const ClockAnchor& clock,
                     std::optional<std::string_view> cgroup) {
    const ConnectionIdentity& who = *line.who;
    return {clock.to_wall(line.at),
            HexId{who.id, kIdDigits},
            std::int64_t{who.netns},
            family(who.tuple),
            EndpointValue{who.tuple.local, who.tuple.family},
            EndpointValue{who.tuple.remote, who.tuple.family},
            name(who.role),
            line.from,
            line.to,
            dwell(line.dwell),
            process(who.process),
            text(cgroup),
            uid(who),
            cookie(who)};
}

ConnectionRow to_row(const ConnectionLine& line, const ClockAnchor& clock,
                     std::optional<std::string_view> cgroup, std::vector<StateSpan>& spans) {
    const ConnectionIdentity& who = *line.who;
    spans.clear();
    for (const PathStep& step : line.states) spans.push_back({step.state, step.dwell});
    Value time_wait;
    if (line.time_wait)
        time_wait =
            TimeWaitValue{line.time_wait->dwell, line.time_wait->end, line.time_wait->restarts};
    const std::string_view detail = name(line.detail);
    return {HexId{who.id, kIdDigits},
            std::int64_t{who.netns},
            family(who.tuple),
            EndpointValue{who.tuple.local, who.tuple.family},
            EndpointValue{who.tuple.remote, who.tuple.family},
            name(who.role),
            process(who.process),
            text(cgroup),
            uid(who),
            wall(line.opened, clock),
            wall(line.closed, clock),
            std::span<const StateSpan>(spans),
            name(line.closed_first),
            name(line.ending),
            detail.empty() ? Value() : Value(detail),
            time_wait,
            name(line.seen),
            process(who.closed_by),
            cookie(who)};
}

LostRow to_row(const LostLine& line, const ClockAnchor& clock) {
    return {clock.to_wall(line.at), optional_value(line.events, [](std::uint64_t n) {
                return static_cast<std::int64_t>(n);
            })};
}

} // namespace tcpdwell

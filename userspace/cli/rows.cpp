// SPDX-License-Identifier: Apache-2.0
#include "cli/rows.h"

namespace tcpdwell::cli {
namespace {

template <class T, class Convert>
report::Value optional_value(const std::optional<T>& value, const Convert& convert) {
    return value ? report::Value(convert(*value)) : report::Value();
}

report::Value text(std::optional<std::string_view> value) {
    return value ? report::Value(*value) : report::Value();
}

report::Value process(const std::optional<event::Process>& value) {
    return optional_value(value, [](const event::Process& p) {
        return report::ProcessValue{p.pid, p.comm()};
    });
}

report::Value uid(const track::ConnectionIdentity& who) {
    return optional_value(who.uid, [](std::uint32_t u) { return std::int64_t{u}; });
}

report::Value cookie(const track::ConnectionIdentity& who) {
    return who.cookie == 0 ? report::Value() : report::Value(report::HexId{who.cookie});
}

report::Value wall(const std::optional<MonoTime>& at, const ClockAnchor& clock) {
    return optional_value(at, [&](MonoTime t) { return clock.to_wall(t); });
}

report::Value dwell(const std::optional<Nanoseconds>& value) {
    return optional_value(value, [](Nanoseconds d) { return d; });
}

std::string_view family(const tcp::FourTuple& tuple) {
    return tuple.family == tcp::Family::ipv4 ? "ipv4" : "ipv6";
}

constexpr int kIdDigits = 16;

} // namespace

TransitionRow to_row(const track::TransitionLine& line, const ClockAnchor& clock,
                     std::optional<std::string_view> cgroup) {
    const track::ConnectionIdentity& who = *line.who;
    return {clock.to_wall(line.at),
            report::HexId{who.id, kIdDigits},
            std::int64_t{who.netns},
            family(who.tuple),
            report::EndpointValue{who.tuple.local, who.tuple.family},
            report::EndpointValue{who.tuple.remote, who.tuple.family},
            name(who.role),
            line.from,
            line.to,
            dwell(line.dwell),
            process(who.process),
            text(cgroup),
            uid(who),
            cookie(who)};
}

ConnectionRow to_row(const track::ConnectionLine& line, const ClockAnchor& clock,
                     std::optional<std::string_view> cgroup,
                     std::vector<report::StateSpan>& spans) {
    const track::ConnectionIdentity& who = *line.who;
    spans.clear();
    for (const track::PathStep& step : line.states) spans.push_back({step.state, step.dwell});
    report::Value time_wait;
    if (line.time_wait)
        time_wait = report::TimeWaitValue{line.time_wait->dwell, line.time_wait->end,
                                          line.time_wait->restarts};
    const std::string_view detail = name(line.detail);
    return {report::HexId{who.id, kIdDigits},
            std::int64_t{who.netns},
            family(who.tuple),
            report::EndpointValue{who.tuple.local, who.tuple.family},
            report::EndpointValue{who.tuple.remote, who.tuple.family},
            name(who.role),
            process(who.process),
            text(cgroup),
            uid(who),
            wall(line.opened, clock),
            wall(line.closed, clock),
            std::span<const report::StateSpan>(spans),
            name(line.closed_first),
            name(line.ending),
            detail.empty() ? report::Value() : report::Value(detail),
            time_wait,
            name(line.seen),
            process(who.closed_by),
            cookie(who)};
}

LostRow to_row(const track::LostLine& line, const ClockAnchor& clock) {
    return {clock.to_wall(line.at), optional_value(line.events, [](std::uint64_t n) {
                return static_cast<std::int64_t>(n);
            })};
}

} // namespace tcpdwell::cli

// SPDX-License-Identifier: Apache-2.0
#include "run/rows.h"

#include "event/reset_word.h"

namespace tcpdwell::run {
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
        return report::ProcessValue{p.pid, p.comm(), p.thread()};
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

report::Value closed_by(const track::ConnectionLine& line) {
    return optional_value(line.who->closed_by, [&](const event::Process& p) {
        const std::string_view how = line.closed_how ? name(*line.closed_how) : std::string_view();
        return report::ProcessValue{p.pid, p.comm(), p.thread(),
                                    report::ProcessValue::Manner{how, line.closing_signal}};
    });
}

using Part = decltype(report::ObjectPart::value);

template <class T>
Part number(const OptionalNumber<T>& value, std::int64_t unit = 1) {
    return value ? Part(static_cast<std::int64_t>(*value) * unit) : Part();
}

constexpr std::int64_t kMicrosecond = 1'000; // in ns
constexpr std::int64_t kMillisecond = 1'000'000;

template <std::size_t N>
report::Value object(const std::array<report::ObjectPart, N>& parts) {
    return std::span<const report::ObjectPart>(parts);
}

report::Value accept(const track::ConnectionLine& line, ConnectionCells& cells) {
    if (!line.accept) return {};
    const auto& delay = line.accept->delay;
    cells.accept = {{{"delay_ns", delay ? Part(std::int64_t{delay->count()}) : Part()},
                     {"accepted", line.accept->accepted}}};
    return object(cells.accept);
}

report::Value count(const OptionalNumber<std::uint32_t>& value) {
    return value ? report::Value(std::int64_t{*value}) : report::Value();
}

/// Where none was found, but it isn't certain that there is none, they aren't known.
report::Value holders(const track::ConnectionLine& line, ConnectionCells& cells) {
    const track::Holders* known = line.holders;
    if (known == nullptr || (known->count == 0 && known->partial)) return {};
    cells.holders.clear();
    for (const event::Process& each : known->processes)
        cells.holders.push_back({each.pid, each.comm()});
    return report::HolderList{cells.holders, known->count};
}

/// The cells of the numbers, and the transport.
void add_numbers(const track::ConnectionLine& line, ConnectionCells& cells,
                 std::span<report::Value, 6> row) {
    if (line.is_mptcp) row[5] = std::string_view(*line.is_mptcp ? "mptcp" : "tcp");
    if (line.numbers == nullptr) return;
    const event::SocketNumbers& n = *line.numbers;
    cells.bytes = {{{"sent", number(n.bytes_sent)},
                    {"acked", number(n.bytes_acked)},
                    {"received", number(n.bytes_received)},
                    {"unsent", number(n.unsent)},
                    {"unacked", number(n.unacked)},
                    {"unread", number(n.unread)}}};
    cells.segments = {{{"sent", number(n.segments_sent)},
                       {"received", number(n.segments_received)},
                       {"retransmitted", number(n.segments_retransmitted)}}};
    cells.rtt = {{{"min_ns", number(n.rtt_min_us, kMicrosecond)},
                  {"smoothed_ns", number(n.rtt_us, kMicrosecond)}}};
    cells.limited = {{{"receiver", number(n.receiver_limited_ms, kMillisecond)},
                      {"send_buffer", number(n.send_buffer_limited_ms, kMillisecond)}}};
    cells.idle = {{{"since_received_ns", number(n.since_received_ms, kMillisecond)},
                   {"since_sent_ns", number(n.since_sent_ms, kMillisecond)}}};
    row[0] = object(cells.bytes);
    row[1] = object(cells.segments);
    row[2] = object(cells.rtt);
    row[3] = object(cells.limited);
    row[4] = object(cells.idle);
}

/// The last cells: the MPTCP socket, and what the peer leaves unanswered.
void add_probes(const track::ConnectionLine& line, std::span<report::Value, 4> row) {
    row[0] = optional_value(line.mptcp_state, [](tcp::State state) { return state; });
    if (line.numbers == nullptr) return;
    row[1] = count(line.numbers->peer_window);
    row[2] = std::int64_t{line.numbers->timeouts};
    row[3] = std::int64_t{line.numbers->probes};
}

std::string_view family(const tcp::FourTuple& tuple) {
    return tuple.family == tcp::Family::ipv4 ? "ipv4" : "ipv6";
}

constexpr int kIdDigits = 16;

} // namespace

TransitionRow to_row(const track::TransitionLine& line, const ClockAnchor& clock,
                     const CgroupCells& cgroup) {
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
            text(cgroup.path),
            uid(who),
            cookie(who),
            text(cgroup.container)};
}

ConnectionRow to_row(const track::ConnectionLine& line, const ClockAnchor& clock,
                     const CgroupCells& cgroup, ConnectionCells& cells) {
    const track::ConnectionIdentity& who = *line.who;
    cells.states.clear();
    for (const track::PathStep& step : line.states)
        cells.states.push_back({step.state, step.dwell, step.at_least});
    report::Value time_wait;
    if (line.time_wait)
        time_wait = report::TimeWaitValue{line.time_wait->dwell, line.time_wait->end,
                                          line.time_wait->restarts};
    const std::string_view detail = name(line.detail);
    ConnectionRow row{report::HexId{who.id, kIdDigits},
                      std::int64_t{who.netns},
                      family(who.tuple),
                      report::EndpointValue{who.tuple.local, who.tuple.family},
                      report::EndpointValue{who.tuple.remote, who.tuple.family},
                      name(who.role),
                      process(who.process),
                      text(cgroup.path),
                      uid(who),
                      wall(line.opened, clock),
                      wall(line.closed, clock),
                      std::span<const report::StateSpan>(cells.states),
                      name(line.closed_first),
                      name(line.ending),
                      detail.empty() ? report::Value() : report::Value(detail),
                      time_wait,
                      name(line.seen),
                      closed_by(line),
                      cookie(who),
                      accept(line, cells)};
    add_numbers(line, cells, std::span(row).subspan<20, 6>());
    row[26] = holders(line, cells);
    add_probes(line, std::span(row).subspan<27, 4>());
    row[31] = text(cgroup.container);
    return row;
}

LostRow to_row(const track::LostLine& line, const ClockAnchor& clock) {
    return {clock.to_wall(line.at), optional_value(line.events, [](std::uint64_t n) {
                return static_cast<std::int64_t>(n);
            })};
}

StrayResetRow to_row(const track::StrayResetLine& line, const ClockAnchor& clock) {
    const std::string_view reason = event::reset_word(line.reason);
    return {clock.to_wall(line.at),
            std::int64_t{line.netns},
            report::EndpointValue{line.tuple.local, line.tuple.family},
            report::EndpointValue{line.tuple.remote, line.tuple.family},
            reason.empty() ? report::Value() : report::Value(reason),
            report::Value(), // no process: there is no socket that it could have
            std::int64_t{line.left_out}};
}

} // namespace tcpdwell::run

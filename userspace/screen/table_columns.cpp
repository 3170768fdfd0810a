// SPDX-License-Identifier: Apache-2.0
#include "screen/table_columns.h"

#include <algorithm>

namespace tcpdwell::screen {
namespace {

using report::Align;
using report::Value;
using tcp::State;

/// "]:65535"
constexpr std::size_t kPortTail = 7;

Value count_of(std::uint64_t count) { return report::count_value(count); }

Value resets_of(const analysis::EndCounts& ends) {
    return count_of(ends.ended(tcp::Ending::reset_sent) + ends.ended(tcp::Ending::reset_received));
}

Value failures_of(const analysis::EndCounts& ends) {
    return count_of(ends.ended(tcp::Ending::refused) + ends.ended(tcp::Ending::connect_failed) +
                    ends.ended(tcp::Ending::handshake_failed));
}

Value program_of(const GroupRow& row) {
    const std::string_view comm = event::comm_text(row.comm);
    if (comm.empty() && row.pid == 0) return {};
    return report::ProcessValue{row.pid, comm};
}

Value endpoint_of(const tcp::Endpoint& endpoint, tcp::Family family) {
    return report::EndpointValue{endpoint, family, true};
}

constexpr GroupCell kService{{"SERVICE", "Listening endpoint, or that the program connects.", 14,
                              47, Align::left, 0, kPortTail},
                             [](const GroupRow& row, const ScreenData&) {
                                 return endpoint_of(row.key.service.local, row.key.service.family);
                             }};
constexpr GroupCell kProgram{
    {"PROGRAM", "The program, with its pid if it is one process.", 8, 23, Align::left},
    [](const GroupRow& row, const ScreenData&) { return program_of(row); }};
constexpr GroupCell kRemote{
    {"REMOTE", "The server that is connected to.", 14, 47, Align::left, 0, kPortTail},
    [](const GroupRow& row, const ScreenData&) {
        if (row.key.is_bound) return Value(std::string_view("all (bind)"));
        return endpoint_of(row.key.remote, row.key.service.family);
    }};
constexpr GroupCell kLocal{{"LOCAL", "Local address.", 10, 39, Align::left},
                           [](const GroupRow& row, const ScreenData&) {
                               return endpoint_of({row.key.local, 0}, row.key.service.family);
                           }};
constexpr GroupCell kOpens{{"OPENS/S", "Connections begun per second, since the last refresh.", 7},
                           [](const GroupRow& row, const ScreenData&) {
                               return row.opened_per_second ? Value(*row.opened_per_second)
                                                            : Value();
                           }};
constexpr GroupCell kConnections{
    {"CONNS", "Connections that ended, or are open.", 6},
    [](const GroupRow& row, const ScreenData&) { return count_of(row.total.connections); }};
constexpr GroupCell kResets{
    {"RESET", "Connections that ended by an RST, sent or received.", 5, 0, Align::right, 1},
    [](const GroupRow& row, const ScreenData&) { return resets_of(row.total); }};
constexpr GroupCell kFailures{
    {"FAIL", "Connects and handshakes that failed.", 5, 0, Align::right, 1},
    [](const GroupRow& row, const ScreenData&) { return failures_of(row.total); }};
constexpr GroupCell kClosedHere{
    {"LOCAL1ST", "Connections that this side closed first.", 8, 0, Align::right, 3},
    [](const GroupRow& row, const ScreenData&) {
        return count_of(row.total.closed(tcp::ClosedFirst::local));
    }};
constexpr GroupCell kClosedThere{
    {"REMOTE1ST", "Connections that the peer closed first.", 9, 0, Align::right, 3},
    [](const GroupRow& row, const ScreenData&) {
        return count_of(row.total.closed(tcp::ClosedFirst::remote));
    }};
constexpr GroupCell kTimeWaitPeak{
    {"TW PEAK", "TIME_WAITs held at most.", 7, 0, Align::right, 4},
    [](const GroupRow& row, const ScreenData&) { return count_of(row.time_wait_peak); }};

Value container_of(const analysis::ServiceKey& service, const ScreenData& data) {
    const std::string_view name = data.container_of(service.cgroup);
    return name.empty() ? Value() : Value(name);
}
constexpr GroupCell kContainer{
    {"CONTAINER", "Container, machine or systemd unit of its sockets.", 9, 40, Align::left, 2},
    [](const GroupRow& row, const ScreenData& data) {
        return container_of(row.key.service, data);
    }};

template <State state>
Value sockets_in(const GroupRow& row, const ScreenData&) {
    return count_of(row.sockets[state]);
}
constexpr GroupCell kEstablished{{"ESTAB", "Sockets in ESTABLISHED now.", 5, 0, Align::right, 1},
                                 sockets_in<State::ESTABLISHED>};
constexpr GroupCell kCloseWait{{"CL_WAIT", "Sockets in CLOSE_WAIT now.", 7, 0, Align::right, 1},
                               sockets_in<State::CLOSE_WAIT>};
constexpr GroupCell kTimeWait{{"TI_WAIT", "Sockets in TIME_WAIT now.", 7, 0, Align::right, 1},
                              sockets_in<State::TIME_WAIT>};
constexpr GroupCell kSynSent{{"SYN_SENT", "Sockets in SYN_SENT now.", 8, 0, Align::right, 2},
                             sockets_in<State::SYN_SENT>};
constexpr GroupCell kSynRecv{{"SYN_RECV", "Sockets in SYN_RECV now.", 8, 0, Align::right, 3},
                             sockets_in<State::SYN_RECV>};
constexpr GroupCell kFinWait2{{"FIN_WAIT2", "Sockets in FIN_WAIT2 now.", 9, 0, Align::right, 3},
                              sockets_in<State::FIN_WAIT2>};

constexpr GroupCell kServiceCells[] = {kService,     kProgram,     kOpens,        kEstablished,
                                       kCloseWait,   kTimeWait,    kResets,       kFailures,
                                       kConnections, kSynSent,     kSynRecv,      kFinWait2,
                                       kClosedHere,  kClosedThere, kTimeWaitPeak, kContainer};
constexpr GroupCell kProgramCells[] = {
    {{"PROGRAM", "The program, with its pid if it is one process.", 14, 40, Align::left},
     [](const GroupRow& row, const ScreenData&) { return program_of(row); }},
    {{"LISTENS", "Endpoints that it serves.", 7, 0, Align::right, 2},
     [](const GroupRow& row, const ScreenData&) { return count_of(row.listeners); }},
    kOpens,
    kEstablished,
    kCloseWait,
    kTimeWait,
    kResets,
    kFailures,
    kConnections,
    kSynSent,
    kSynRecv,
    kFinWait2,
    kClosedHere,
    kClosedThere,
    kTimeWaitPeak};
constexpr GroupCell kRemoteCells[] = {
    kRemote,   kProgram,     kOpens,   kEstablished, kCloseWait,  kTimeWait,    kResets,
    kFailures, kConnections, kSynSent, kFinWait2,    kClosedHere, kClosedThere, kTimeWaitPeak};
constexpr GroupCell kPortCells[] = {
    kLocal,
    kRemote,
    kOpens,
    {{"HELD", "Local ports held now, TIME_WAIT included.", 6},
     [](const GroupRow& row, const ScreenData&) { return count_of(row.held); }},
    {{"PEAK", "Most held at one time.", 6},
     [](const GroupRow& row, const ScreenData&) { return count_of(row.peak); }},
    {{"LIMIT", "Ports in ip_local_port_range.", 6, 0, Align::right, 2},
     [](const GroupRow& row, const ScreenData&) {
         return row.limit ? count_of(*row.limit) : Value();
     }},
    {{"USED%", "Held now, of those.", 5, 0, Align::right, 1},
     [](const GroupRow& row, const ScreenData&) {
         if (!row.limit || *row.limit == 0 || row.key.is_bound) return Value();
         return Value(100.0 * static_cast<double>(row.held) / static_cast<double>(*row.limit));
     }},
    {{"OPENED", "Connections begun.", 7, 0, Align::right, 1},
     [](const GroupRow& row, const ScreenData&) { return count_of(row.opened); }},
};

template <class T>
Value known(OptionalNumber<T> number) {
    return number ? count_of(*number) : Value();
}

constexpr ConnectionCell kConnectionCells[] = {
    {{"LOCAL", "Local endpoint.", 14, 47, Align::left, 0, kPortTail},
     [](const ConnectionEntry& c, const ScreenData&) {
         return Value(report::EndpointValue{c.tuple.local, c.tuple.family});
     }},
    {{"REMOTE", "Remote endpoint.", 14, 47, Align::left, 0, kPortTail},
     [](const ConnectionEntry& c, const ScreenData&) {
         return Value(report::EndpointValue{c.tuple.remote, c.tuple.family});
     }},
    {{"PROGRAM", "Who connected, accepted or listens.", 8, 23, Align::left},
     [](const ConnectionEntry& c, const ScreenData&) {
         return c.process ? Value(report::ProcessValue{c.process->pid, c.process->comm()})
                          : Value();
     }},
    {{"STATE", "State now; CLOSE: it has ended.", 11, 0, Align::left},
     [](const ConnectionEntry& c, const ScreenData&) { return Value(c.state); }},
    {{"FOR", "How long it has been in the state, at least.", 8},
     [](const ConnectionEntry& c, const ScreenData& data) {
         return Value(std::max(data.now - c.since, Nanoseconds(0)));
     }},
    {{"ENDING", "How it ended.", 14, 0, Align::left, 1},
     [](const ConnectionEntry& c, const ScreenData&) {
         return c.state == State::CLOSE ? Value(name(c.ending)) : Value();
     }},
    {{"AGE", "Since it was opened, where that was seen; of one that has ended, how long it lasted.",
      8, 0, Align::right, 2},
     [](const ConnectionEntry& c, const ScreenData& data) {
         if (!c.opened) return Value();
         return Value((c.state == State::CLOSE ? c.since : data.now) - *c.opened);
     }},
    {{"ROLE", "client: it was opened here; server: accepted.", 7, 0, Align::left, 3},
     [](const ConnectionEntry& c, const ScreenData&) { return Value(name(c.role)); }},
    {{"CONTAINER", "Container, machine or systemd unit of the socket.", 9, 40, Align::left, 3},
     [](const ConnectionEntry& c, const ScreenData& data) {
         return container_of(c.service, data);
     }},
    {{"SENT", "Bytes sent, when last looked at.", 10, 0, Align::right, 4},
     [](const ConnectionEntry& c, const ScreenData&) { return known(c.sent); }},
    {{"RECEIVED", "Bytes received, when last looked at.", 10, 0, Align::right, 4},
     [](const ConnectionEntry& c, const ScreenData&) { return known(c.received); }},
    {{"UNREAD",
      "Bytes that no program has read, when last looked at; of a listener connections "
      "that wait for accept().",
      7, 0, Align::right, 4},
     [](const ConnectionEntry& c, const ScreenData&) { return known(c.unread); }},
    {{"RETRANS", "Segments retransmitted, when last looked at.", 7, 0, Align::right, 4},
     [](const ConnectionEntry& c, const ScreenData&) { return known(c.retransmitted); }},
};

} // namespace

std::span<const GroupCell> group_cells(TableKind kind) {
    switch (kind) {
    case TableKind::services: return kServiceCells;
    case TableKind::programs: return kProgramCells;
    case TableKind::remotes: return kRemoteCells;
    case TableKind::ports: return kPortCells;
    case TableKind::connections: break;
    }
    return {};
}

std::span<const ConnectionCell> connection_cells() { return kConnectionCells; }

} // namespace tcpdwell::screen

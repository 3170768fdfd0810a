// SPDX-License-Identifier: Apache-2.0
#include "analysis/local_pairs.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <vector>

namespace tcpdwell::analysis {
namespace {

constexpr report::Column kHereColumns[] = {
    {.id = "server", .title = "Server", .help = "Endpoint that is connected to."},
    {.id = "netns",
     .title = "Namespace",
     .help = "Of a loopback address, the inode of its network namespace; else null."},
    {.id = "client_process", .title = "Client", .help = "Who connects."},
    {.id = "server_process", .title = "Server's process", .help = "Who accepts."},
    {.id = "client_connections",
     .title = "Connections of clients",
     .help = "As the clients' ends show it; those that got no answer included."},
    {.id = "server_connections",
     .title = "Connections of the server",
     .help = "As the server's ends show it; handshakes that failed included."},
    {.id = "only_client",
     .title = "Only of clients",
     .help = "So many more the clients have: the server never knew them, or they were established "
             "for the clients only; null with a filter, which may hide some ends."},
    {.id = "client_reset_sent", .title = "Clients reset", .help = "RSTs that ended clients' ends."},
    {.id = "client_reset_received", .title = "", .help = "Received by clients' ends."},
    {.id = "server_reset_sent", .title = "Server reset", .help = "Sent by the server's ends."},
    {.id = "server_reset_received", .title = "", .help = "Received by the server's ends."},
};

constexpr report::TableView kHereView[] = {
    {"server", "SERVER", "Endpoint that is connected to.", 21, report::Align::left},
    report::minor_column("netns", "Network namespace of a loopback address."),
    {"client_process", "CLIENT", "Who connects.", 13, report::Align::left},
    report::minor_column("server_process", "Who accepts.", report::Align::left),
    {"client_connections", "CONNS C", "Connections, by the clients' ends.", 7},
    {"server_connections", "CONNS S", "Connections, by the server's ends.", 7},
    {"only_client", "ONLY C", "So many more the clients have.", 7},
    {"client_reset_sent", "RST C>", "RSTs that clients sent.", 6},
    report::minor_column("client_reset_received", "RSTs that clients received."),
    {"server_reset_sent", "RST S>", "RSTs that the server sent.", 6},
    report::minor_column("server_reset_received", "RSTs that the server received."),
};

} // namespace

void LocalPairs::note_process(End& end, const std::optional<event::Process>& process) {
    if (!process || end.process == process) return;
    if (!end.process)
        end.process = process;
    else if (end.process->comm() == process->comm())
        end.process->pid = 0;
}

/// Clients are known before their servers are: a SYN leaves before it arrives.
void LocalPairs::on_move(const track::StateMove& move, Weight) {
    if (move.from || move.who->role != tcp::Role::client) return;
    if (addresses_.size() < kMostAddresses) addresses_.insert(move.who->tuple.local.address);
}

LocalPairs::End* LocalPairs::end_of(const track::ConnectionIdentity& who) {
    const bool is_client = who.role == tcp::Role::client;
    if (!is_client && who.role != tcp::Role::server) return nullptr;
    const tcp::Endpoint& server = is_client ? who.tuple.remote : who.tuple.local;
    const bool is_loopback = server.address.is_loopback();
    // Whether a client's server is here shows when it has an end here.
    if (!is_client && !is_loopback && !addresses_.contains(who.tuple.remote.address))
        return nullptr;
    const Key key(is_loopback ? who.netns : 0, server);
    if (endpoints_.size() >= kMostEndpoints && !endpoints_.contains(key)) return nullptr;
    Ends& ends = endpoints_[key];
    ends.family = who.tuple.family;
    End& end = is_client ? ends.client : ends.server;
    note_process(end, who.process);
    return &end;
}

void LocalPairs::on_connection(const track::ConnectionLine& line, Weight weight) {
    if (line.ending == tcp::Ending::open) return;
    End* end = end_of(*line.who);
    if (!end) return;
    end->ended += weight;
    if (line.ending == tcp::Ending::reset_sent) end->reset_sent += weight;
    if (line.ending == tcp::Ending::reset_received || line.ending == tcp::Ending::refused)
        end->reset_received += weight;
}

void LocalPairs::begin_live(MonoTime) {
    for (auto& [key, ends] : endpoints_) ends.client.open = ends.server.open = 0;
}

void LocalPairs::on_live(const track::LiveSocket& socket, Weight weight) {
    if (socket.state == tcp::State::LISTEN) return;
    if (End* end = end_of(socket.who)) end->open += weight;
}

void LocalPairs::add_to(report::Report& report, const ReportContext&) {
    const auto more = [](const End& a, const End& b) {
        return a.all() > b.all() ? a.all() - b.all() : 0;
    };
    std::vector<const std::pair<const Key, Ends>*> rows;
    for (const auto& each : endpoints_)
        if (each.second.client.all() != 0 && each.second.server.all() != 0) rows.push_back(&each);
    if (rows.empty()) return;
    std::ranges::stable_sort(rows, std::greater<>(), [&](const auto* row) {
        return std::tuple(more(row->second.client, row->second.server), row->second.client.all());
    });
    if (rows.size() > kMostRows) rows.resize(kMostRows);
    const auto process = [&](const End& end) {
        return end.process ? report::Value(report::ProcessValue{
                                 end.process->pid, report.keep(std::string(end.process->comm()))})
                           : report::Value();
    };
    report::Table table{kHereColumns, kHereView, {}};
    for (const auto* row : rows) {
        const auto& [client, server] = std::tie(row->second.client, row->second.server);
        table.rows.push_back(
            {report::EndpointValue{row->first.second, row->second.family},
             row->first.first == 0 ? report::Value()
                                   : report::Value(std::int64_t{row->first.first}),
             process(client), process(server), report::count_value(client.all()),
             report::count_value(server.all()),
             is_filtered_ ? report::Value() : report::count_value(more(client, server)),
             report::count_value(client.reset_sent), report::count_value(client.reset_received),
             report::count_value(server.reset_sent), report::count_value(server.reset_received)});
    }
    report.sections.push_back({"both_ends_here", "Both ends on this host",
                               "Connections within this host, as their clients and as their "
                               "servers count them. What only clients have, the server's kernel "
                               "never knew, or no longer.",
                               std::move(table), report::SectionPlace::other});
}

} // namespace tcpdwell::analysis

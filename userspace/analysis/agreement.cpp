// SPDX-License-Identifier: Apache-2.0
// Compares the views that the two ends have of one connection.
#include "analysis/both_ends.h"

namespace tcpdwell::analysis {
namespace {

/// The line was reported before the end of the connection could be known.
bool is_reported_too_early(const EndSummary& end) {
    return end.closed_first == tcp::ClosedFirst::none &&
           (end.ending == tcp::Ending::open || end.ending == tcp::Ending::unknown);
}

} // namespace

std::string_view name(Closer who) {
    switch (who) {
    case Closer::client: return "client";
    case Closer::server: return "server";
    case Closer::both: return "both";
    case Closer::none: return "none";
    case Closer::unknown: return "unknown";
    }
    return {};
}

Closer closer_by_client(tcp::ClosedFirst reported) {
    switch (reported) {
    case tcp::ClosedFirst::local: return Closer::client;
    case tcp::ClosedFirst::remote: return Closer::server;
    case tcp::ClosedFirst::both: return Closer::both;
    case tcp::ClosedFirst::none: return Closer::none;
    case tcp::ClosedFirst::unknown: break;
    }
    return Closer::unknown;
}

Closer closer_by_server(tcp::ClosedFirst reported) {
    if (reported == tcp::ClosedFirst::local) return Closer::server;
    if (reported == tcp::ClosedFirst::remote) return Closer::client;
    return closer_by_client(reported);
}

Agreement agreement(const EndSummary& client, const EndSummary& server) {
    const Closer here = closer_by_client(client.closed_first);
    const Closer there = closer_by_server(server.closed_first);
    if (here == Closer::unknown || there == Closer::unknown) return Agreement::not_told;
    if (here == there) {
        switch (here) {
        case Closer::client: return Agreement::client;
        case Closer::server: return Agreement::server;
        case Closer::both: return Agreement::both;
        default: return Agreement::none;
        }
    }
    if (is_reported_too_early(client) || is_reported_too_early(server)) return Agreement::not_told;
    // Only who gets the other's FIN before the ACK of its own passes CLOSING; the other end records
    // itself as the first.
    const bool client_was_first = here == Closer::client || here == Closer::both;
    const bool server_was_first = there == Closer::server || there == Closer::both;
    return client_was_first && server_was_first ? Agreement::crossed : Agreement::disagree;
}

} // namespace tcpdwell::analysis

// SPDX-License-Identifier: Apache-2.0
// The words for roles and endings. They are an interface: scripts compare them.
#include "tcp/close.h"

namespace tcpdwell {

std::string_view name(Role value) {
    switch (value) {
    case Role::client: return "client";
    case Role::server: return "server";
    case Role::unknown: return "unknown";
    }
    return {};
}

std::string_view name(ClosedFirst value) {
    switch (value) {
    case ClosedFirst::local: return "local";
    case ClosedFirst::remote: return "remote";
    case ClosedFirst::both: return "both";
    case ClosedFirst::none: return "none";
    case ClosedFirst::unknown: return "unknown";
    }
    return {};
}

std::string_view name(Ending value) {
    switch (value) {
    case Ending::fin: return "fin";
    case Ending::reset_sent: return "reset_sent";
    case Ending::reset_received: return "reset_received";
    case Ending::timed_out: return "timed_out";
    case Ending::refused: return "refused";
    case Ending::connect_failed: return "connect_failed";
    case Ending::handshake_failed: return "handshake_failed";
    case Ending::fin_wait2_expired: return "fin_wait2_expired";
    case Ending::open: return "open";
    case Ending::unknown: return "unknown";
    }
    return {};
}

std::string_view name(EndingDetail value) {
    switch (value) {
    case EndingDetail::none: return "";
    case EndingDetail::so_linger_zero: return "so_linger_zero";
    case EndingDetail::unread_data: return "unread_data";
    case EndingDetail::data_after_close: return "data_after_close";
    case EndingDetail::linger2: return "linger2";
    case EndingDetail::listener_closed: return "listener_closed";
    case EndingDetail::disconnect: return "disconnect";
    case EndingDetail::admin_kill: return "admin_kill";
    case EndingDetail::orphan_limit: return "orphan_limit";
    case EndingDetail::retransmission: return "retransmission";
    case EndingDetail::user_timeout: return "user_timeout";
    case EndingDetail::keepalive: return "keepalive";
    case EndingDetail::timeout: return "timeout";
    case EndingDetail::unreachable: return "unreachable";
    case EndingDetail::no_port: return "no_port";
    case EndingDetail::given_up: return "given_up";
    case EndingDetail::peer_fin_not_seen: return "peer_fin_not_seen";
    }
    return {};
}

std::string_view name(TimeWaitEnd value) {
    switch (value) {
    case TimeWaitEnd::expired: return "expired";
    case TimeWaitEnd::reused: return "reused";
    case TimeWaitEnd::recycled: return "recycled";
    case TimeWaitEnd::reset: return "reset";
    case TimeWaitEnd::killed: return "killed";
    case TimeWaitEnd::purged: return "purged";
    case TimeWaitEnd::overflow: return "overflow";
    case TimeWaitEnd::open: return "open";
    case TimeWaitEnd::unknown: return "unknown";
    }
    return {};
}

std::string_view name(Seen value) {
    switch (value) {
    case Seen::whole: return "whole";
    case Seen::joined: return "joined";
    case Seen::gap: return "gap";
    }
    return {};
}

} // namespace tcpdwell

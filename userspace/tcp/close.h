// SPDX-License-Identifier: Apache-2.0
// The words for who closed a connection and how it ended, as users and scripts see them.
#pragma once

#include <cstdint>
#include <string_view>

namespace tcpdwell {

enum class Role : std::uint8_t { client, server, unknown };

/// Who sent the first FIN or RST on the established connection, as the local side sees it.
enum class ClosedFirst : std::uint8_t {
    local,
    remote,
    both, ///< FINs crossed (CLOSING was seen)
    none, ///< nobody: timed out, never established, still open
    unknown,
};

enum class Ending : std::uint8_t {
    fin,
    reset_sent,
    reset_received,
    timed_out,
    refused,
    connect_failed,
    handshake_failed,
    fin_wait2_expired,
    open,
    unknown,
};

/// What is known beyond the ending.
enum class EndingDetail : std::uint8_t {
    none,
    so_linger_zero,
    unread_data,
    data_after_close,
    linger2,
    listener_closed,
    disconnect,
    admin_kill,
    orphan_limit,
    retransmission,
    user_timeout,
    keepalive,
    timeout,
    unreachable,
    no_port,
    given_up,
    peer_fin_not_seen, ///< with fin and overflow: gone in FIN_WAIT2, before the peer's FIN
};

enum class TimeWaitEnd : std::uint8_t {
    expired,
    reused,
    recycled,
    reset,
    killed,
    purged,
    overflow,
    open,
    unknown,
};

/// How much of the connection's life was seen.
enum class Seen : std::uint8_t {
    whole,  ///< from its birth
    joined, ///< it was open when tracing began
    gap,    ///< events were lost in between
};

std::string_view name(Role value);
std::string_view name(ClosedFirst value);
std::string_view name(Ending value);
std::string_view name(EndingDetail value); ///< "" for none
std::string_view name(TimeWaitEnd value);
std::string_view name(Seen value);

} // namespace tcpdwell

// SPDX-License-Identifier: Apache-2.0
// The words for who closed a connection and how it ended, as users and scripts see them: they are
// an interface. A new word is a row here; base/word_enum.h describes what follows from it.
#pragma once

#include "base/word_enum.h"

namespace tcpdwell::tcp {

// clang-format off
#define TCPDWELL_ROLE_LIST(X) \
    X(client, "client")       \
    X(server, "server")       \
    X(unknown, "unknown")

#define TCPDWELL_CLOSED_FIRST_LIST(X)                                      \
    X(local, "local")                                                      \
    X(remote, "remote")                                                    \
    X(both, "both") /* FINs crossed (CLOSING was seen) */                  \
    X(none, "none") /* nobody: timed out, never established, still open */ \
    X(unknown, "unknown")

#define TCPDWELL_ENDING_LIST(X)               \
    X(fin, "fin")                             \
    X(reset_sent, "reset_sent")               \
    X(reset_received, "reset_received")       \
    X(timed_out, "timed_out")                 \
    X(refused, "refused")                     \
    X(connect_failed, "connect_failed")       \
    X(handshake_failed, "handshake_failed")   \
    X(fin_wait2_expired, "fin_wait2_expired") \
    X(dropped_silently, "dropped_silently")   \
    X(open, "open")                           \
    X(unknown, "unknown")

#define TCPDWELL_ENDING_DETAIL_LIST(X)      \
    X(none, "")                             \
    X(so_linger_zero, "so_linger_zero")     \
    X(unread_data, "unread_data")           \
    X(data_after_close, "data_after_close") \
    X(linger2, "linger2")                   \
    X(listener_closed, "listener_closed")   \
    X(disconnect, "disconnect")             \
    X(admin_kill, "admin_kill")             \
    X(orphan_limit, "orphan_limit")         \
    X(retransmission, "retransmission")     \
    X(user_timeout, "user_timeout")         \
    X(keepalive, "keepalive")               \
    X(timeout, "timeout")                   \
    X(unreachable, "unreachable")           \
    X(no_port, "no_port")                   \
    X(given_up, "given_up")                 \
    X(mptcp_fastclose, "mptcp_fastclose")   \
    X(repair, "repair")                     \
    X(reset_sent, "reset_sent")             /* of handshake_failed, as the next */ \
    X(reset_received, "reset_received")     \
    X(peer_fin_not_seen, "peer_fin_not_seen") /* with fin and overflow: gone in FIN_WAIT2 before the FIN */

#define TCPDWELL_TIME_WAIT_END_LIST(X) \
    X(expired, "expired")              \
    X(reused, "reused")                \
    X(recycled, "recycled")            \
    X(reset, "reset")                  \
    X(killed, "killed")                \
    X(purged, "purged")                \
    X(overflow, "overflow")            \
    X(open, "open")                    \
    X(unknown, "unknown")

#define TCPDWELL_SEEN_LIST(X)                                \
    X(whole, "whole")   /* from its birth */                 \
    X(joined, "joined") /* it was open when tracing began */ \
    X(gap, "gap")       /* events were lost in between */

#define TCPDWELL_CLOSED_HOW_LIST(X)                                    \
    X(close, "close")                                                  \
    X(shutdown, "shutdown")                                            \
    X(exit, "exit")     /* the process ended */                        \
    X(signal, "signal") /* a signal ended the process */               \
    X(abort, "abort")   /* disconnected or killed (ss -K): nobody closed */
// clang-format on

TCPDWELL_WORD_ENUM(Role, TCPDWELL_ROLE_LIST)

/// Who sent the first FIN or RST on the established connection, as the local side sees it.
TCPDWELL_WORD_ENUM(ClosedFirst, TCPDWELL_CLOSED_FIRST_LIST)

TCPDWELL_WORD_ENUM(Ending, TCPDWELL_ENDING_LIST)

/// What is known beyond the ending; the word for `none` is "".
TCPDWELL_WORD_ENUM(EndingDetail, TCPDWELL_ENDING_DETAIL_LIST)

/// By what the process closed that did.
TCPDWELL_WORD_ENUM(ClosedHow, TCPDWELL_CLOSED_HOW_LIST)

/// What ended TIME_WAIT.
TCPDWELL_WORD_ENUM(TimeWaitEnd, TCPDWELL_TIME_WAIT_END_LIST)

/// How much of the connection's life was seen.
TCPDWELL_WORD_ENUM(Seen, TCPDWELL_SEEN_LIST)

} // namespace tcpdwell::tcp

// SPDX-License-Identifier: Apache-2.0
// Why a connection ended other than by two FINs, as far as its own end shows: the causes that have
// a finding.
#pragma once

#include "base/word_enum.h"
#include "track/connection.h"

namespace tcpdwell::analysis {

// clang-format off
#define TCPDWELL_END_CAUSE_LIST(X) \
    X(none, "none")                        /* nothing is wrong, or it isn't known */ \
    X(refused, "refused")                  /* an RST answered the SYN */ \
    X(unanswered, "unanswered")            /* no answer to the SYN, however soon it gave up */ \
    X(never_completed, "never_completed")  /* a handshake without its last ACK */ \
    X(process_died, "process_died")        /* killed by a signal, or exited with data unread */ \
    X(listener_closed, "listener_closed")  /* in the accept queue of a listener that went away */ \
    X(half_open_check, "half_open_check")  /* opened and reset at once, without data */ \
    X(turned_away, "turned_away")          /* the server closed at once, having read nothing */ \
    X(answered_unread, "answered_unread")  /* the server answered, and closed with data unread */ \
    X(idle_close, "idle_close")            /* closed here while idle; then data came */ \
    X(met_close, "met_close")              /* data sent at about the time of the peer's FIN */ \
    X(met_idle_close, "met_idle_close")    /* data sent after an idle time, to a closed peer */ \
    X(reset_idle, "reset_idle")            /* data sent after an idle time: an RST answered it */ \
    X(closing_message, "closing_message")  /* data sent to a closed peer, and closed at once */ \
    X(late_word, "late_word")              /* closed soon after an answer; data came much later */ \
    X(met_late_word, "met_late_word")      /* data sent much later to such a peer */ \
    X(closed_unanswered, "closed_unanswered") /* closed without an answer after a wait; then data */ \
    X(met_unanswered, "met_unanswered")    /* data sent to a peer that closed without an answer */ \
    X(peer_gone, "peer_gone")              /* retransmission, user timeout, keepalive */ \
    X(not_read, "not_read")                /* user timeout: the peer answers, its window is 0 */ \
    X(lingered, "so_linger_zero")          /* SO_LINGER with a time of 0 */ \
    X(gave_up_sending, "gave_up_sending")  /* the same to a peer that didn't read */ \
    X(ended_idle, "ended_idle")            /* the same by a server, after an idle time */ \
    X(hung_up, "hung_up")                  /* the same by a client that has had its answer */ \
    X(admin_killed, "admin_killed")        /* ss -K, on purpose */ \
    X(discarded, "discarded")              /* a client closed, not wanting what came */ \
    X(left_stream, "left_stream")          /* a client closed while data was still coming */ \
    X(reset_here, "reset_here")            /* any other RST that this end sent */ \
    X(probe, "probe")                      /* a client closed within moments, having sent nothing */ \
    X(probed, "probed")                    /* the same as the server sees it */ \
    X(reset_answered, "reset_answered")    /* received by a server, at once after its answer */ \
    X(unknown_there, "unknown_there")      /* an RST of this host, which knew no such one */ \
    X(reset_there, "reset_there")          /* any other RST that it received */
// clang-format on
TCPDWELL_WORD_ENUM(EndCause, TCPDWELL_END_CAUSE_LIST)

/// Of an ended connection. Without numbers (td_numbers) the causes that need them aren't found.
EndCause end_cause(const track::ConnectionLine& line);

/// Whether a server's process has exited with the connection open that it had accepted itself,
/// having read something and answered nothing: a request, unless the service only receives.
bool has_exited_unanswered(const track::ConnectionLine& line);

/// How long the connection had been idle when this end closed it (idle_close), or when the data was
/// sent that met the peer's close (met_idle_close) or an RST (reset_idle); nullopt: not known.
std::optional<Nanoseconds> idle_before_close(const track::ConnectionLine& line);

/// Whether this end had been sending until it closed, its last pause having been no longer than
/// those before: then it wasn't the pause that it closed for.
bool has_sent_until_close(const track::ConnectionLine& line);

/// How long nothing had come or gone when an RST ended it that was received, or sent with
/// SO_LINGER; nullopt: none did, or it isn't known.
std::optional<Nanoseconds> quiet_before_reset(const track::ConnectionLine& line);

/// When this end began to close, which then takes as long as the peer likes.
MonoTime closing_began(const track::ConnectionLine& line);

/// Whether the cause lies in what this end or its process did: the other end of the connection then
/// shows a consequence of it.
bool is_of_this_end(EndCause cause);

} // namespace tcpdwell::analysis

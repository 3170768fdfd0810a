// SPDX-License-Identifier: Apache-2.0
// The rules follow kernel-side facts: each names the kernel function that leaves the evidence.
#include "track/close_classifier.h"

#include <cerrno>

namespace tcpdwell {
namespace {

constexpr std::uint8_t kShutdownBoth = 3; // SHUTDOWN_MASK, set first thing by __tcp_close()

bool has(const SocketClose& c, td_state_flags flag) { return (c.flags & flag) != 0; }

/// tcp_write_err() reports ETIMEDOUT, or instead of it the ICMP error noted last (sk_err_soft).
bool is_timeout(std::uint8_t error) {
    return error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH ||
           error == EHOSTDOWN || error == ENETDOWN || error == ENONET || error == EPROTO ||
           error == ENOPROTOOPT || error == EOPNOTSUPP;
}

Classification from_syn_sent(const SocketClose& c) {
    if (c.error == ECONNREFUSED) { // by an RST, or by an ICMP port unreachable
        if (c.reset_received) return Classification(Ending::refused);
        return c.uncertain ? Classification()
                           : Classification(Ending::connect_failed, EndingDetail::unreachable);
    }
    if (c.error == ETIMEDOUT) return Classification(Ending::connect_failed, EndingDetail::timeout);
    if (is_timeout(c.error))
        return Classification(Ending::connect_failed, EndingDetail::unreachable);
    if (c.error == ECONNABORTED)
        return Classification(Ending::connect_failed, EndingDetail::admin_kill);
    // close(), or connect(AF_UNSPEC) while the SYN was under way; tcp_v4_connect() fails for want
    // of a port before it sends one.
    if (c.error == 0 && (c.shutdown == kShutdownBoth || has(c, TD_STATE_UNANSWERED)))
        return Classification(Ending::connect_failed, EndingDetail::given_up);
    if (c.error == 0 && !c.has_local_port)
        return Classification(Ending::connect_failed, EndingDetail::no_port);
    return Classification(Ending::connect_failed);
}

Classification from_syn_recv(const SocketClose& c) {
    const auto detail = is_timeout(c.error) ? EndingDetail::timeout : EndingDetail::none;
    // A client gets here by a simultaneous open (RFC 9293, section 3.5, figure 7).
    return Classification(
        c.role == Role::client ? Ending::connect_failed : Ending::handshake_failed, detail);
}

/// tcp_disconnect(), called for SO_LINGER 0, connect(AF_UNSPEC), and by inet_child_forget() for a
/// listener's queue.
EndingDetail disconnect_detail(const SocketClose& c) {
    if (!has(c, TD_STATE_OWNED) && !has(c, TD_STATE_HAS_SOCKET) && !has(c, TD_STATE_ORPHAN))
        return EndingDetail::listener_closed;
    if (c.shutdown == kShutdownBoth && has(c, TD_STATE_LINGER_ZERO))
        return EndingDetail::so_linger_zero;
    return EndingDetail::disconnect;
}

/// The ACK of our FIN ends an orphan with TCP_LINGER2 < 0, and any if it brings new data
/// (tcp_rcv_state_process(), TCP_FIN_WAIT1: both by tcp_done(), without sk_err, and with the same
/// reason).
Classification from_ack_of_fin(const SocketClose& c) {
    return Classification(Ending::reset_sent, has(c, TD_STATE_LINGER2_NEG)
                                                  ? EndingDetail::linger2
                                                  : EndingDetail::data_after_close);
}

/// An RST of our own with sk_err 0: an abort by the local side.
Classification from_own_reset(const SocketClose& c) {
    // tcp_keepalive_timer() ends a full orphan in FIN_WAIT2 whose peer never sent its FIN.
    const bool orphan_timer = c.from == TcpState::FIN_WAIT2 && has(c, TD_STATE_ORPHAN) &&
                              !has(c, TD_STATE_OWNED) && !c.reset_reply;
    switch (c.reset_reason) {
    case TD_REASON_ABORT_ON_CLOSE:
        return Classification(Ending::reset_sent, EndingDetail::unread_data);
    case TD_REASON_ABORT_ON_MEMORY:
        return Classification(Ending::reset_sent, EndingDetail::orphan_limit);
    case TD_REASON_ABORT_ON_LINGER:
        if (orphan_timer && !has(c, TD_STATE_LINGER2_NEG))
            return Classification(Ending::fin_wait2_expired);
        return Classification(Ending::reset_sent, EndingDetail::linger2);
    case TD_REASON_ABORT_ON_DATA: return from_ack_of_fin(c);
    case TD_REASON_STATE:
        if (orphan_timer) return Classification(Ending::fin_wait2_expired);
        return Classification(Ending::reset_sent, disconnect_detail(c));
    case TD_REASON_KEEPALIVE: return Classification(Ending::timed_out, EndingDetail::keepalive);
    case TD_REASON_UNKNOWN:
    case TD_REASON_OTHER:
    case TD_REASON_TIMEWAIT: break;
    }
    // Before 6.10 the kernel gives no reason; the socket's own flags decide.
    if (c.from == TcpState::FIN_WAIT2 && (has(c, TD_STATE_LINGER2_NEG) || c.reset_reply))
        return from_ack_of_fin(c);
    if (orphan_timer) return Classification(Ending::fin_wait2_expired);
    // tcp_out_of_resources() and tcp_check_oom() act on orphans; the aborts of close() come before
    // sock_orphan().
    if (has(c, TD_STATE_ORPHAN))
        return Classification(Ending::reset_sent, EndingDetail::orphan_limit);
    if (has(c, TD_STATE_OWNED) && c.shutdown == kShutdownBoth && !has(c, TD_STATE_LINGER_ZERO))
        return Classification(Ending::reset_sent, EndingDetail::unread_data);
    return Classification(Ending::reset_sent, disconnect_detail(c));
}

/// No RST and no error: the normal end of the passive closer, or a socket that should have left a
/// mini-socket.
Classification from_silence(const SocketClose& c) {
    switch (c.from) {
    case TcpState::LAST_ACK: return Classification(Ending::fin);
    case TcpState::FIN_WAIT2:
    case TcpState::CLOSING: {
        if (c.uncertain)
            return Classification(Ending::unknown, EndingDetail::none, TimeWaitEnd::unknown);
        // tcp_time_wait() could get no mini-socket (TCPTimeWaitOverflow).
        const bool fin_seen = c.from == TcpState::CLOSING || has(c, TD_STATE_FIN_RECEIVED);
        return Classification(Ending::fin,
                              fin_seen ? EndingDetail::none : EndingDetail::peer_fin_not_seen,
                              TimeWaitEnd::overflow);
    }
    default: return {};
    }
}

} // namespace

Classification classify(const SocketClose& c) {
    if (c.from == TcpState::SYN_SENT) return from_syn_sent(c);
    if (c.from == TcpState::SYN_RECV) return from_syn_recv(c);

    // New data after close() makes the kernel call tcp_reset() itself, then answer with an RST: no
    // RST has come in.
    if (c.reset_received && c.reset_sent && c.reset_reply)
        return Classification(Ending::reset_sent, EndingDetail::data_after_close);
    if (c.error == ECONNRESET || c.error == EPIPE || c.reset_received) {
        const bool could_be_local = has(c, TD_STATE_ORPHAN) && (c.from == TcpState::FIN_WAIT1 ||
                                                                c.from == TcpState::FIN_WAIT2);
        if (c.uncertain && could_be_local) return {};
        return Classification(Ending::reset_received);
    }
    if (c.error == ECONNABORTED)
        return Classification(Ending::reset_sent, EndingDetail::admin_kill);
    if (is_timeout(c.error)) {
        // tcp_keepalive_timer() sends an RST before it gives up; tcp_retransmit_timer() and
        // tcp_probe_timer() don't.
        if (c.reset_sent) return Classification(Ending::timed_out, EndingDetail::keepalive);
        if (c.uncertain) return Classification(Ending::timed_out);
        return Classification(Ending::timed_out, has(c, TD_STATE_USER_TIMEOUT)
                                                     ? EndingDetail::user_timeout
                                                     : EndingDetail::retransmission);
    }
    if (c.error != 0) return {};
    return c.reset_sent ? from_own_reset(c) : from_silence(c);
}

Classification classify(const MiniClose& c) {
    const bool taken = (c.stack & TD_STACK_TAKEN) != 0;
    const auto in_stack = [&](td_stack bit) { return (c.stack & bit) != 0; };

    if (c.substate == TcpState::TIME_WAIT) {
        Classification v(Ending::fin, EndingDetail::none, TimeWaitEnd::unknown);
        if (c.expired)
            v.time_wait = TimeWaitEnd::expired;
        else if (in_stack(TD_STACK_PURGE))
            v.time_wait = TimeWaitEnd::purged;
        else if (in_stack(TD_STACK_ABORT))
            v.time_wait = TimeWaitEnd::killed;
        else if (in_stack(TD_STACK_CONNECT))
            v.time_wait = TimeWaitEnd::reused;
        else if (in_stack(TD_STACK_TIMEWAIT_PROCESS))
            v.time_wait = TimeWaitEnd::reset;
        else if (in_stack(TD_STACK_RECEIVE))
            v.time_wait = TimeWaitEnd::recycled;
        else if (c.follower)
            v.time_wait = c.follower;
        return v;
    }

    if (c.expired) return Classification(Ending::fin_wait2_expired);
    if (c.answered_reset) return Classification(Ending::reset_sent, EndingDetail::data_after_close);
    if (!taken) return {};
    if (in_stack(TD_STACK_ABORT)) return Classification(Ending::unknown, EndingDetail::admin_kill);
    if (in_stack(TD_STACK_PURGE)) return {};
    if (in_stack(TD_STACK_TIMEWAIT_PROCESS)) return Classification(Ending::reset_received);
    // tcp_v4_rcv() kills a FIN_WAIT2 mini-socket itself only on TCP_TW_RST.
    if (in_stack(TD_STACK_RECEIVE))
        return Classification(Ending::reset_sent, EndingDetail::data_after_close);
    return {};
}

ClosedFirst closed_first_by(Ending ending) {
    switch (ending) {
    case Ending::reset_sent: return ClosedFirst::local;
    case Ending::reset_received: return ClosedFirst::remote;
    case Ending::timed_out:
    case Ending::refused:
    case Ending::connect_failed:
    case Ending::handshake_failed:
    case Ending::open: return ClosedFirst::none;
    case Ending::fin:
    case Ending::fin_wait2_expired:
    case Ending::unknown: return ClosedFirst::unknown;
    }
    return ClosedFirst::unknown;
}

} // namespace tcpdwell

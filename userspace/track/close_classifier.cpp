// SPDX-License-Identifier: Apache-2.0
// The rules follow kernel-side facts: each names the kernel function that leaves the evidence.
#include "track/close_classifier.h"

#include <cerrno>

namespace tcpdwell::track {
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
        if (c.reset_received) return Classification(tcp::Ending::refused);
        return c.uncertain
                   ? Classification()
                   : Classification(tcp::Ending::connect_failed, tcp::EndingDetail::unreachable);
    }
    if (c.error == ETIMEDOUT)
        return Classification(tcp::Ending::connect_failed, tcp::EndingDetail::timeout);
    if (is_timeout(c.error))
        return Classification(tcp::Ending::connect_failed, tcp::EndingDetail::unreachable);
    if (c.error == ECONNABORTED)
        return Classification(tcp::Ending::connect_failed, tcp::EndingDetail::admin_kill);
    // close(), or connect(AF_UNSPEC) while the SYN was under way; tcp_v4_connect() fails for want
    // of a port before it sends one.
    if (c.error == 0 && (c.shutdown == kShutdownBoth || has(c, TD_STATE_UNANSWERED)))
        return Classification(tcp::Ending::connect_failed, tcp::EndingDetail::given_up);
    if (c.error == 0 && !c.has_local_port)
        return Classification(tcp::Ending::connect_failed, tcp::EndingDetail::no_port);
    return Classification(tcp::Ending::connect_failed);
}

Classification from_syn_recv(const SocketClose& c) {
    const auto detail = is_timeout(c.error) ? tcp::EndingDetail::timeout : tcp::EndingDetail::none;
    // A client gets here by a simultaneous open (RFC 9293, section 3.5, figure 7).
    if (c.role == tcp::Role::client) return Classification(tcp::Ending::connect_failed, detail);
    if (detail == tcp::EndingDetail::none && c.reset_received != c.reset_sent)
        return Classification(tcp::Ending::handshake_failed,
                              c.reset_sent ? tcp::EndingDetail::reset_sent
                                           : tcp::EndingDetail::reset_received);
    return Classification(tcp::Ending::handshake_failed, detail);
}

/// tcp_disconnect(), called for SO_LINGER 0, connect(AF_UNSPEC), and by inet_child_forget() for a
/// listener's queue.
tcp::EndingDetail disconnect_detail(const SocketClose& c) {
    if (!has(c, TD_STATE_OWNED) && !has(c, TD_STATE_HAS_SOCKET) && !has(c, TD_STATE_ORPHAN))
        return tcp::EndingDetail::listener_closed;
    if (c.shutdown == kShutdownBoth && has(c, TD_STATE_LINGER_ZERO))
        return tcp::EndingDetail::so_linger_zero;
    return tcp::EndingDetail::disconnect;
}

/// The ACK of our FIN ends an orphan with TCP_LINGER2 < 0, and any if it brings new data
/// (tcp_rcv_state_process(), TCP_FIN_WAIT1: both by tcp_done(), without sk_err, and with the same
/// reason).
Classification from_ack_of_fin(const SocketClose& c) {
    return Classification(tcp::Ending::reset_sent, has(c, TD_STATE_LINGER2_NEG)
                                                       ? tcp::EndingDetail::linger2
                                                       : tcp::EndingDetail::data_after_close);
}

/// An RST of our own with sk_err 0: an abort by the local side.
Classification from_own_reset(const SocketClose& c) {
    // tcp_keepalive_timer() ends a full orphan in FIN_WAIT2 whose peer never sent its FIN.
    const bool orphan_timer = c.from == tcp::State::FIN_WAIT2 && has(c, TD_STATE_ORPHAN) &&
                              !has(c, TD_STATE_OWNED) && !c.reset_reply;
    switch (c.reset_reason) {
    case TD_REASON_ABORT_ON_CLOSE:
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::unread_data);
    case TD_REASON_ABORT_ON_MEMORY:
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::orphan_limit);
    case TD_REASON_ABORT_ON_LINGER:
        if (orphan_timer && !has(c, TD_STATE_LINGER2_NEG))
            return Classification(tcp::Ending::fin_wait2_expired);
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::linger2);
    case TD_REASON_ABORT_ON_DATA: return from_ack_of_fin(c);
    case TD_REASON_STATE:
        if (orphan_timer) return Classification(tcp::Ending::fin_wait2_expired);
        return Classification(tcp::Ending::reset_sent, disconnect_detail(c));
    case TD_REASON_KEEPALIVE:
        return Classification(tcp::Ending::timed_out, tcp::EndingDetail::keepalive);
    case TD_REASON_UNKNOWN:
    case TD_REASON_OTHER:
    case TD_REASON_TIMEWAIT:
    case TD_REASON_NO_SOCKET:
    case TD_REASON_FLAGS: break;
    }
    // Before 6.10 the kernel gives no reason; the socket's own flags decide.
    if (c.from == tcp::State::FIN_WAIT2 && (has(c, TD_STATE_LINGER2_NEG) || c.reset_reply))
        return from_ack_of_fin(c);
    if (orphan_timer) return Classification(tcp::Ending::fin_wait2_expired);
    // tcp_out_of_resources() and tcp_check_oom() act on orphans; the aborts of close() come before
    // sock_orphan().
    if (has(c, TD_STATE_ORPHAN))
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::orphan_limit);
    if (has(c, TD_STATE_OWNED) && c.shutdown == kShutdownBoth && !has(c, TD_STATE_LINGER_ZERO))
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::unread_data);
    return Classification(tcp::Ending::reset_sent, disconnect_detail(c));
}

/// No RST and no error: the normal end of the passive closer, or a socket that should have left a
/// mini-socket.
Classification from_silence(const SocketClose& c) {
    switch (c.from) {
    case tcp::State::LAST_ACK: return Classification(tcp::Ending::fin);
    case tcp::State::FIN_WAIT2:
    case tcp::State::CLOSING: {
        // An RST that answers new data follows the ->CLOSE.
        if (c.uncertain || c.cut_off)
            return Classification(tcp::Ending::unknown, tcp::EndingDetail::none,
                                  tcp::TimeWaitEnd::unknown);
        // tcp_time_wait() could get no mini-socket (TCPTimeWaitOverflow).
        const bool fin_seen = c.from == tcp::State::CLOSING || has(c, TD_STATE_FIN_RECEIVED);
        return Classification(tcp::Ending::fin,
                              fin_seen ? tcp::EndingDetail::none
                                       : tcp::EndingDetail::peer_fin_not_seen,
                              tcp::TimeWaitEnd::overflow);
    }
    default: return {};
    }
}

Classification of_full_socket(const SocketClose& c) {
    if (c.from == tcp::State::SYN_SENT) return from_syn_sent(c);
    if (c.from == tcp::State::SYN_RECV) return from_syn_recv(c);

    // New data after close() makes the kernel call tcp_reset() itself, then answer with an RST: no
    // RST has come in.
    if (c.reset_received && c.reset_sent && c.reset_reply)
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::data_after_close);
    if (c.error == ECONNRESET || c.error == EPIPE || c.reset_received) {
        const bool could_be_local = has(c, TD_STATE_ORPHAN) && (c.from == tcp::State::FIN_WAIT1 ||
                                                                c.from == tcp::State::FIN_WAIT2);
        if ((c.uncertain || c.cut_off) && could_be_local) return {};
        return Classification(tcp::Ending::reset_received);
    }
    if (c.error == ECONNABORTED)
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::admin_kill);
    if (is_timeout(c.error)) {
        // tcp_keepalive_timer() sends an RST before it gives up; tcp_retransmit_timer() and
        // tcp_probe_timer() don't.
        if (c.reset_sent)
            return Classification(tcp::Ending::timed_out, tcp::EndingDetail::keepalive);
        if (c.uncertain) return Classification(tcp::Ending::timed_out);
        return Classification(tcp::Ending::timed_out, has(c, TD_STATE_USER_TIMEOUT)
                                                          ? tcp::EndingDetail::user_timeout
                                                          : tcp::EndingDetail::retransmission);
    }
    if (c.error != 0) return {};
    if (has(c, TD_STATE_REPAIR)) // tcp_close(), tcp_disconnect(): nothing is sent
        return Classification(tcp::Ending::dropped_silently, tcp::EndingDetail::repair);
    return c.reset_sent ? from_own_reset(c) : from_silence(c);
}

/// MP_FASTCLOSE (RFC 8684, section 3.5) goes with an RST on each subflow.
Classification with_fastclose(const SocketClose& c, Classification verdict) {
    const bool by_reset =
        verdict.ending == tcp::Ending::reset_sent || verdict.ending == tcp::Ending::reset_received;
    if (by_reset && has(c, TD_STATE_FASTCLOSE)) verdict.detail = tcp::EndingDetail::mptcp_fastclose;
    return verdict;
}

} // namespace

Classification classify(const SocketClose& c) { return with_fastclose(c, of_full_socket(c)); }

Classification classify(const MiniClose& c) {
    const bool taken = (c.stack & TD_STACK_TAKEN) != 0;
    const auto in_stack = [&](td_stack bit) { return (c.stack & bit) != 0; };

    if (c.substate == tcp::State::TIME_WAIT) {
        Classification v(tcp::Ending::fin, tcp::EndingDetail::none, tcp::TimeWaitEnd::unknown);
        if (c.expired)
            v.time_wait = tcp::TimeWaitEnd::expired;
        else if (in_stack(TD_STACK_PURGE))
            v.time_wait = tcp::TimeWaitEnd::purged;
        else if (in_stack(TD_STACK_ABORT))
            v.time_wait = tcp::TimeWaitEnd::killed;
        else if (in_stack(TD_STACK_CONNECT))
            v.time_wait = tcp::TimeWaitEnd::reused;
        else if (in_stack(TD_STACK_TIMEWAIT_PROCESS))
            v.time_wait = tcp::TimeWaitEnd::reset;
        else if (in_stack(TD_STACK_RECEIVE))
            v.time_wait = tcp::TimeWaitEnd::recycled;
        else if (c.follower)
            v.time_wait = c.follower;
        return v;
    }

    if (c.expired) return Classification(tcp::Ending::fin_wait2_expired);
    if (c.answered_reset)
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::data_after_close);
    if (!taken) return {};
    if (in_stack(TD_STACK_ABORT))
        return Classification(tcp::Ending::unknown, tcp::EndingDetail::admin_kill);
    if (in_stack(TD_STACK_PURGE)) return {};
    if (in_stack(TD_STACK_TIMEWAIT_PROCESS)) return Classification(tcp::Ending::reset_received);
    // tcp_v4_rcv() kills a FIN_WAIT2 mini-socket itself only on TCP_TW_RST.
    if (in_stack(TD_STACK_RECEIVE))
        return Classification(tcp::Ending::reset_sent, tcp::EndingDetail::data_after_close);
    return {};
}

Classification classify(const RequestClose& c) {
    const auto failed = [](tcp::EndingDetail detail) {
        return Classification(tcp::Ending::handshake_failed, detail);
    };
    if (c.expired) return failed(tcp::EndingDetail::timeout);
    if ((c.stack & TD_STACK_ABORT) != 0) return failed(tcp::EndingDetail::admin_kill);
    // tcp_check_req() drops a request for an RST, or sends one itself: for a SYN within the window,
    // or with tcp_abort_on_overflow.
    if (c.reset_sent) return failed(tcp::EndingDetail::reset_sent);
    if ((c.stack & TD_STACK_CHECK_REQUEST) != 0) return failed(tcp::EndingDetail::reset_received);
    return failed(tcp::EndingDetail::none);
}

tcp::ClosedFirst closed_first_by(tcp::Ending ending) {
    switch (ending) {
    case tcp::Ending::reset_sent:
    case tcp::Ending::dropped_silently: return tcp::ClosedFirst::local;
    case tcp::Ending::reset_received: return tcp::ClosedFirst::remote;
    case tcp::Ending::timed_out:
    case tcp::Ending::refused:
    case tcp::Ending::connect_failed:
    case tcp::Ending::handshake_failed:
    case tcp::Ending::open: return tcp::ClosedFirst::none;
    case tcp::Ending::fin:
    case tcp::Ending::fin_wait2_expired:
    case tcp::Ending::unknown: return tcp::ClosedFirst::unknown;
    }
    return tcp::ClosedFirst::unknown;
}

} // namespace tcpdwell::track

// SPDX-License-Identifier: Apache-2.0
// What is known of a connection besides its states: what it carried, who took it from the accept
// queue, and in which manner it was closed.
#include <algorithm>

#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

/// Whether the socket's own FIN has been queued: tcp_close() and tcp_shutdown() do so with the
/// change to one of these.
bool has_sent_fin(tcp::State state) {
    return state == tcp::State::FIN_WAIT1 || state == tcp::State::FIN_WAIT2 ||
           state == tcp::State::CLOSING || state == tcp::State::LAST_ACK ||
           state == tcp::State::TIME_WAIT;
}

/// What a jiffy may be at most (CONFIG_HZ_100): the stamps are as coarse.
constexpr Nanoseconds kTick = std::chrono::milliseconds(10);

template <class T>
void take_one(OptionalNumber<T>& number) {
    if (number && *number > 0) number = static_cast<T>(*number - 1);
}

/// The kernel counts sequence numbers, of which SYN and FIN take one each (RFC 9293, section 3.4):
/// tcp_snd_una_update(), tcp_rcv_nxt_update().
event::SocketNumbers payload(const event::NumbersRead& e, tcp::Role role) {
    event::SocketNumbers n = e.numbers;
    if (n.has(TD_NUMBERS_PAYLOAD)) return n;
    n.flags |= TD_NUMBERS_PAYLOAD;
    if (e.state == tcp::State::LISTEN) return n; // these are the queue of connections
    const bool in_handshake = e.state == tcp::State::SYN_SENT || e.state == tcp::State::SYN_RECV;
    // A child begins behind its SYN-ACK (tcp_create_openreq_child()).
    const bool more_than_sent =
        n.bytes_acked && n.bytes_sent && *n.bytes_acked > *n.bytes_sent; // whoever opened it
    if (in_handshake && role == tcp::Role::client)
        take_one(n.unacked);
    else if (role == tcp::Role::client || (role == tcp::Role::unknown && more_than_sent))
        take_one(n.bytes_acked);
    if (has_sent_fin(e.state)) {
        if (n.unsent.value_or(0) > 0)
            take_one(n.unsent);
        else if (n.unacked.value_or(0) > 0)
            take_one(n.unacked);
        else
            take_one(n.bytes_acked);
    }
    if (n.has(TD_NUMBERS_FIN_RECEIVED)) {
        take_one(n.bytes_received);
        take_one(n.unread); // the program that has read to the end has read the FIN, too
    }
    if (n.rtt_us == OptionalNumber<std::uint32_t>(0)) n.rtt_us = {}; // none was measured
    return n;
}

} // namespace

void Tracker::Impl::handle(const event::NumbersRead& e) {
    Connection* c = find_socket(e.sock, e.cookie);
    if (!c || c->ended || (e.sock != 0 && c->socket != e.sock)) return;
    if (c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie) return;
    const bool listed = e.numbers.has(TD_NUMBERS_LISTED);
    if (listed && c->state != e.state) return; // it has moved on, or tracing has
    SocketDetails& details = table_.details(*c);
    details.numbers = payload(e, c->who.role);
    details.read_at = e.at;
    details.backlog = e.backlog;
    details.mptcp_state = e.mptcp_state;
    if (!listed) return;
    learn_age(*c, e);
    // accept() by io_uring has no event of its own where only the system calls are traced.
    if (e.numbers.has(TD_NUMBERS_HAS_SOCKET)) note_accepted(*c, e.at, false);
}

/// A segment that came in this state is a lower bound of the time in it: one with the ACK or the
/// FIN that began the state has set the kernel's stamps (tcp_ack(), net/ipv4/tcp_input.c), as has
/// the data that was sent in ESTABLISHED. FIN_WAIT1 and LAST_ACK begin with close(), which leaves
/// no stamp.
void Tracker::Impl::learn_age(Connection& c, const event::NumbersRead& e) {
    const auto received = e.numbers.since_received_ms;
    const auto sent = e.numbers.since_sent_ms;
    std::uint32_t ms = 0;
    switch (e.state) {
    case tcp::State::ESTABLISHED: ms = std::max(received.value_or(0), sent.value_or(0)); break;
    case tcp::State::CLOSE_WAIT:
    case tcp::State::FIN_WAIT2:
    case tcp::State::CLOSING: ms = received.value_or(0); break;
    default: return;
    }
    const Nanoseconds age = std::chrono::milliseconds(ms) - kTick;
    if (age > Nanoseconds(0)) c.was_in_state_at(e.at - age);
}

void Tracker::Impl::handle(const event::HoldersFound& e) {
    Connection* c = find_socket(e.sock, e.cookie);
    if (!c || c->ended || (e.sock != 0 && c->socket != e.sock)) return;
    if (c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie) return;
    if (c->last_event > e.at) return; // it may be another's by now
    Holders found{e.processes, e.count, e.partial};
    const bool is_heir =
        c->inherited_owner && !found.processes.empty() && c->who.process != found.processes.front();
    if (is_heir) c->who.process = found.processes.front();
    if (!last_holders_ || *last_holders_ != found)
        last_holders_ = std::make_shared<const Holders>(std::move(found));
    holders_[c->who.slot] = last_holders_;
    if (is_heir) report_learnt(*c, e.at);
}

const Holders* Tracker::Impl::holders_of(const Connection& c) const {
    const auto known = holders_.find(c.who.slot);
    return known == holders_.end() ? nullptr : known->second.get();
}

void Tracker::Impl::note_accepted(Connection& c, MonoTime at, bool now) {
    if (c.who.role == tcp::Role::client || (c.accept_known && c.accepted)) return;
    c.accept_known = true;
    c.accepted = true;
    if (now) c.accepted_at = at;
}

void Tracker::Impl::note_socket(Connection& c, const event::StateChange& e) {
    c.was_mptcp = e.has(TD_STATE_MPTCP);
    if (c.who.role != tcp::Role::server || e.from == tcp::State::LISTEN) return;
    if (c.accept_known && c.accepted) return; // TCP Fast Open: before the handshake is complete
    if (e.from == tcp::State::SYN_RECV && e.to == tcp::State::ESTABLISHED) c.established = e.at;
    c.accept_known = true;
    c.accepted = e.has(TD_STATE_HAS_SOCKET) || e.has(TD_STATE_ORPHAN);
}

void Tracker::Impl::note_manner(Connection& c, const event::StateChange& e) {
    if (e.has(TD_STATE_EXITING)) {
        c.closed_how = e.signal != 0 ? tcp::ClosedHow::signal : tcp::ClosedHow::exit;
        c.closing_signal = e.signal;
    } else if (e.has(TD_STATE_RELEASED)) {
        c.closed_how = tcp::ClosedHow::close;
        holders_.erase(c.who.slot);    // nobody has it any more
    } else if (e.has(TD_STATE_KEPT)) { // 0.1.0 records neither
        c.closed_how = e.to == tcp::State::CLOSE ? tcp::ClosedHow::abort : tcp::ClosedHow::shutdown;
    }
}

std::optional<Accept> Tracker::Impl::accept_of(const Connection& c, tcp::Seen seen) const {
    // Its accept() may be among what wasn't seen; and subflows have no file, accepted or not.
    const SocketDetails* details = table_.details_of(c);
    const bool is_subflow =
        details ? details->numbers.has(TD_NUMBERS_MPTCP) : static_cast<bool>(c.was_mptcp);
    const bool in_doubt = !c.accepted && (seen == tcp::Seen::gap || is_subflow);
    if (c.who.role != tcp::Role::server || !c.accept_known || in_doubt) return std::nullopt;
    Accept accept{std::nullopt, c.accepted, c.accepted_at};
    if (accept.at && c.established)
        accept.delay = std::max(*accept.at - *c.established, Nanoseconds(0));
    return accept;
}

void Tracker::Impl::add_details(const Connection& c, ConnectionLine& line) const {
    line.accept = accept_of(c, line.seen);
    if (!c.ended) line.holders = holders_of(c);
    if (const SocketDetails* details = table_.details_of(c)) {
        line.numbers = &details->numbers;
        line.numbers_at = details->read_at;
        line.is_mptcp = details->numbers.has(TD_NUMBERS_MPTCP);
        line.mptcp_state = details->mptcp_state;
    } else if (c.was_mptcp) {
        line.is_mptcp = true;
    }
    line.closed_how = c.closed_how;
    line.closing_signal = c.closing_signal;
}

} // namespace tcpdwell::track

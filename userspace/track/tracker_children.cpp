// SPDX-License-Identifier: Apache-2.0
// Passive opens: how the full socket of an accepted connection joins the request socket that its handshake was kept in,
// and what is known where there was none (SYN cookies, TCP Fast Open).
#include "track/tracker_impl.h"

namespace tcpdwell {
namespace {

using namespace std::chrono_literals;

/// A handshake can take this long (tcp_synack_retries and backoff): a loss so long ago may have hidden a SYN.
constexpr Nanoseconds kLongestHandshake = 130s;

} // namespace

void Tracker::Impl::on_child_born(const StateChange& e) {
    // Up to 6.12 neither the peer nor the cookie is known yet: the child is told from its next event.
    clear_address(e.sock);
    children_[e.sock] = Child{e.at, loss_epoch_, std::nullopt};
}

void Tracker::Impl::on_child_established(const StateChange& e) {
    std::optional<MonoTime> born;
    std::optional<Process> accepted_by;
    if (const auto it = children_.find(e.sock); it != children_.end()) {
        if (it->second.loss_epoch == loss_epoch_) { // else it may have been another child at this address
            born = it->second.born;
            accepted_by = it->second.accepted_by;
        }
        children_.erase(it);
    }
    Connection* c = table_.by_tuple(e.netns, e.tuple);
    const bool has_request = c && !c->ended && c->place == Place::request;
    // Dropped at birth, for want of room in the accept queue; the request goes on.
    if (e.to == TcpState::CLOSE && (has_request || (born && !e.has(TD_STATE_FASTOPEN)))) return;

    if (has_request) {
        if (c->loss_epoch != loss_epoch_) { // the request may be a later one than we know
            c->forget_beginning();
            mark_gap(*c);
        }
        learn_cookie(*c, e.cookie);
        forget_stop(*c);
        c->place = Place::full;
        table_.set_socket(*c, e.sock);
        table_.set_other(*c, 0);
    } else {
        if (c) clear_tuple(*c, TimeWaitEnd::recycled);
        c = &create(e.sock, e.at, e.netns, e.tuple, e.cookie);
        table_.set_socket(*c, e.sock);
        c->state = TcpState::SYN_RECV;
        c->who.role = Role::server;
        inherit_owner(*c, table_.listener_for(e.netns, e.tuple.local));
        table_.index_tuple(*c);
        if (born) {
            // A child made at the SYN (TCP Fast Open) has been in SYN_RECV since; one made at the ACK (SYN cookie)
            // leaves no trace of how long the handshake took.
            const bool fast_open = e.has(TD_STATE_FASTOPEN);
            if (fast_open) c->begin_state(*born);
            c->opened = fast_open ? *born : e.at;
            print_transition(*c, TcpState::LISTEN, TcpState::SYN_RECV, *c->opened, std::nullopt);
            if (last_loss_ && e.at - *last_loss_ < kLongestHandshake) c->seen = Seen::gap;
        } else {
            c->seen = last_loss_ ? Seen::gap : Seen::joined;
            report_move(*c, std::nullopt, TcpState::SYN_RECV, e.at);
        }
    }
    if (e.owner) {
        c->who.uid = e.owner->uid;
        c->who.cgroup = e.owner->cgroup;
    }
    if (accepted_by) {
        c->who.process = accepted_by;
        c->inherited_owner = false;
    }
    note_event(*c, e.at);
    note_closer(*c, e);
    if (e.to == TcpState::FIN_WAIT1) c->closed_first = ClosedFirst::local;
    move(*c, e.to, e.at);
    if (e.to == TcpState::CLOSE) on_close(*c, e);
}

} // namespace tcpdwell

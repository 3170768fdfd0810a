// SPDX-License-Identifier: Apache-2.0
// Passive opens (RFC 9293, section 3.5): the request socket that a handshake is kept in, seen from
// its timer or from the kernel's functions that make and drop it; how the child, a full socket,
// takes its place; and what is known where there was no request socket (SYN cookies, TCP Fast
// Open).
#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

using namespace std::chrono_literals;

/// A handshake can take this long (tcp_synack_retries and backoff): a loss so long ago may have
/// hidden a SYN.
constexpr Nanoseconds kLongestHandshake = 130s;
/// reqsk_timer_handler() starts a timer that has expired again before it returns, or not at all.
constexpr Nanoseconds kRestart = 1ms;

} // namespace

// --- request sockets

Connection* Tracker::Impl::find_request(const event::RequestTimer& e) {
    Connection* c = table_.by_object(e.request);
    if (c && !c->ended && c->lives_in(Place::request, e.request) && c->who.tuple == e.tuple &&
        c->who.netns == e.netns)
        return c;
    return adopt_request(e);
}

Connection* Tracker::Impl::adopt_request(const event::RequestTimer& e) {
    Connection* c = table_.by_tuple(e.netns, e.tuple);
    if (!c || c->ended || c->place != Place::request) return nullptr;
    if (c->other == e.request) return c; // but for the family, which a damaged record has wrong
    // A copy made for another listener (tcp_migrate_req) begins with a SYN-ACK that isn't the
    // first.
    const bool is_copy = e.op == TD_TIMER_START && e.timeouts > 0;
    if (c->other != 0 && !is_copy) return nullptr;
    clear_address(e.request);
    table_.set_other(*c, e.request);
    return c;
}

void Tracker::Impl::handle(const event::RequestTimer& e) {
    if (Connection* c = find_request(e))
        on_request_timer(*c, e);
    else if (e.op == TD_TIMER_START)
        on_request_start(e);
    // Else its child has taken over, or its beginning was lost.
}

/// A listener answers for its request sockets, too: a reset of a handshake is no stray one.
void Tracker::Impl::handle(const event::StrayReset& e) {
    Connection* c = table_.by_tuple(e.netns, e.tuple);
    if (c && !c->ended && c->place == Place::request)
        table_.evidence(*c).reset_sent = ResetSeen{e.at, e.reason, true};
    else
        listener_.on_stray_reset({e.at, e.netns, e.tuple, e.reason, e.left_out});
}

void Tracker::Impl::on_request_timer(Connection& c, const event::RequestTimer& e) {
    const bool lost_before = c.loss_epoch != loss_epoch_; // perhaps the RST that its listener sent
    note_event(c, e.at);
    switch (e.op) {
    case TD_TIMER_START: // the SYN-ACK has been sent again
        forget_stop(c);
        break;
    case TD_TIMER_EXPIRE: table_.evidence(c).request_expired = true; [[fallthrough]];
    case TD_TIMER_CANCEL:
        // fentry: the inner of two functions has more of it
        if (!lost_before) table_.evidence(c).request_stack |= e.stack;
        table_.evidence(c).request_stopped = e.at;
        schedule_check(c, e.at + kSettle);
        break;
    case TD_TIMER_REARM: // it goes on as a copy, whose address isn't known yet
        forget_stop(c);
        table_.set_other(c, 0);
        break;
    case TD_TIMER_KILL: break; // of mini-sockets only
    }
}

void Tracker::Impl::on_request_start(const event::RequestTimer& e) {
    clear_address(e.request);
    if (Connection* other = table_.by_tuple(e.netns, e.tuple))
        clear_tuple(*other, tcp::TimeWaitEnd::recycled);
    Connection& c = create(e.request, e.at, e.netns, e.tuple, 0);
    table_.set_other(c, e.request);
    c.place = Place::request;
    c.state = tcp::State::SYN_RECV;
    c.who.role = tcp::Role::server;
    if (e.timeouts == 0) {
        c.begin_state(e.at);
        c.opened = e.at;
        if (last_loss_ && e.at - *last_loss_ < kSettle) c.seen = tcp::Seen::gap;
    } else { // not the first SYN-ACK: the SYN came before tracing, or was lost
        c.seen = last_loss_ ? tcp::Seen::gap : tcp::Seen::joined;
    }
    const Connection* listener = table_.by_object(e.listener);
    if (!listener || listener->state != tcp::State::LISTEN)
        listener = table_.listener_for(e.netns, e.tuple.local);
    inherit_owner(c, listener);
    table_.index_tuple(c);
    if (c.opened)
        print_transition(c, tcp::State::LISTEN, tcp::State::SYN_RECV, e.at, std::nullopt);
    else
        report_move(c, std::nullopt, tcp::State::SYN_RECV, e.at);
}

void Tracker::Impl::resolve_request(Connection& c) {
    if (c.loss_epoch == loss_epoch_ && is_request_undecided(c)) return;
    const MonoTime at = *table_.evidence_of(c).request_stopped;
    const CloseEvidence& evidence = table_.evidence_of(c);
    const RequestClose close{evidence.request_expired, evidence.request_stack,
                             close_in_time(evidence.reset_sent, at)};
    forget_stop(c);
    if (c.loss_epoch != loss_epoch_) {
        // Its child may have been established unseen: the child's next event finds it by the
        // four-tuple, or a listing doesn't.
        c.seen = tcp::Seen::gap;
        c.place = Place::full;
        c.forget_beginning();
        table_.set_other(c, 0);
        return;
    }
    move(c, tcp::State::CLOSE, at);
    table_.evidence(c).close = classify(close);
    end(c, at);
}

bool Tracker::Impl::is_request_undecided(const Connection& c) const {
    const CloseEvidence& evidence = table_.evidence_of(c);
    return evidence.request_stopped &&
           is_cut_off(*evidence.request_stopped, evidence.request_expired ? kRestart : kSettle);
}

void Tracker::Impl::forget_stop(Connection& c) {
    if (c.evidence == 0) return;
    CloseEvidence& evidence = table_.evidence(c);
    evidence.request_stopped.reset();
    evidence.request_expired = false;
    evidence.request_stack = 0;
    table_.tidy(c);
}

// --- children

void Tracker::Impl::on_child_born(const event::StateChange& e) {
    // Up to 6.12 neither the peer nor the cookie is known yet: the next event shows which child it
    // is.
    if (e.has(TD_STATE_NESTED) && children_.contains(e.sock)) return; // recorded twice
    clear_address(e.sock);
    if (children_.size() == kMostChildren) { // of most of them nothing has been heard since
        totals_.unexpected += children_.size();
        children_.clear();
        current_children_ = 0;
    }
    children_[e.sock] = Child{e.at, loss_epoch_, std::nullopt, std::nullopt};
    ++current_children_;
}

std::optional<Tracker::Impl::Child> Tracker::Impl::take_child(std::uint64_t sock) {
    const auto it = children_.find(sock);
    if (it == children_.end()) return std::nullopt;
    const Child child = it->second;
    children_.erase(it);
    // After a loss it may have been another child at this address.
    if (child.loss_epoch != loss_epoch_) return std::nullopt;
    --current_children_;
    return child;
}

void Tracker::Impl::on_child_established(const event::StateChange& e) {
    const std::optional<Child> born = take_child(e.sock);
    Connection* c = table_.by_tuple(e.netns, e.tuple);
    const bool has_request = c && !c->ended && c->place == Place::request;
    // Dropped at birth, for want of room in the accept queue; the request goes on.
    if (e.to == tcp::State::CLOSE && (has_request || (born && !e.has(TD_STATE_FASTOPEN)))) return;
    if (e.to == tcp::State::CLOSE && !born && e.has(TD_STATE_NESTED)) return; // recorded twice

    if (has_request) {
        replace_request(*c, e);
    } else {
        if (c) clear_tuple(*c, tcp::TimeWaitEnd::recycled);
        c = &create_child(e, born);
    }
    learn_owner(*c, e.owner);
    note_socket(*c, e);
    if (born && born->reset_received) table_.evidence(*c).reset_received = born->reset_received;
    if (born && born->accepted_by) {
        c->who.process = born->accepted_by;
        c->inherited_owner = false;
        note_accepted(*c, e.at);
    }
    note_event(*c, e.at);
    note_closer(*c, e);
    if (e.to == tcp::State::FIN_WAIT1) c->closed_first = tcp::ClosedFirst::local;
    move(*c, e.to, e.at);
    if (e.to == tcp::State::CLOSE) on_close(*c, e);
}

void Tracker::Impl::replace_request(Connection& c, const event::StateChange& e) {
    if (c.loss_epoch != loss_epoch_) { // the request may be a later one than we know
        c.forget_beginning();
        mark_gap(c);
    }
    learn_cookie(c, e.cookie);
    forget_stop(c);
    c.place = Place::full;
    table_.set_socket(c, e.sock);
    table_.set_other(c, 0);
}

Connection& Tracker::Impl::create_child(const event::StateChange& e,
                                        const std::optional<Child>& born) {
    Connection& c = create(e.sock, e.at, e.netns, e.tuple, e.cookie);
    table_.set_socket(c, e.sock);
    c.state = tcp::State::SYN_RECV;
    c.who.role = tcp::Role::server;
    inherit_owner(c, table_.listener_for(e.netns, e.tuple.local));
    table_.index_tuple(c);
    if (!born) {
        c.seen = last_loss_ ? tcp::Seen::gap : tcp::Seen::joined;
        report_move(c, std::nullopt, tcp::State::SYN_RECV, e.at);
        return c;
    }
    // A child made at the SYN (TCP Fast Open) has been in SYN_RECV since; one made at the ACK (SYN
    // cookie) leaves no trace of how long the handshake took.
    const bool fast_open = e.has(TD_STATE_FASTOPEN);
    if (fast_open) c.begin_state(born->at);
    c.opened = fast_open ? born->at : e.at;
    print_transition(c, tcp::State::LISTEN, tcp::State::SYN_RECV, *c.opened, std::nullopt);
    if (last_loss_ && e.at - *last_loss_ < kLongestHandshake) c.seen = tcp::Seen::gap;
    return c;
}

} // namespace tcpdwell::track

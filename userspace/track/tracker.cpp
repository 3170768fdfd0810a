// SPDX-License-Identifier: Apache-2.0
// Full sockets, the passing of time, and the public interface.
//
// The tracepoint shows neither TIME_WAIT nor the handshake of a server: a socket that "closes" from
// FIN_WAIT2 has usually been replaced by a mini-socket, whose start was recorded just before, and a
// child that appears in SYN_RECV has lived in a request socket since the SYN. EVENTS.md lists what
// is recorded in which order.
#include "track/tracker.h"

#include <algorithm>
#include <cerrno>

#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

using namespace std::chrono_literals;

/// How long the line of a connect() waits for its local port, which is chosen after the state has
/// changed.
constexpr Nanoseconds kHold = 40ms;
/// No socket passes the same transition twice within this time.
constexpr Nanoseconds kRepetition = 1ms;

/// Whether two tuples, in which the peer or the local port may not be known, can be those of one
/// socket.
bool may_be_same(const tcp::FourTuple& a, const tcp::FourTuple& b) {
    const bool same_remote = a.remote.empty() || b.remote.empty() || a.remote == b.remote;
    return same_remote && (a.local.port == 0 || b.local.port == 0 || a.local.port == b.local.port);
}

/// Whether tcp_time_wait() may have put a mini-socket in the place of the socket that closes here.
bool may_leave_mini(const event::StateChange& e) {
    return (e.from == tcp::State::FIN_WAIT2 || e.from == tcp::State::CLOSING) &&
           e.to == tcp::State::CLOSE && e.error == 0;
}

/// RFC 9293, section 3.6: whose FIN was the first, where this transition shows it.
void note_first_fin(Connection& c, const event::StateChange& e) {
    if (e.from == tcp::State::ESTABLISHED || e.from == tcp::State::SYN_RECV) {
        if (e.to == tcp::State::FIN_WAIT1) c.closed_first = tcp::ClosedFirst::local;
        if (e.to == tcp::State::CLOSE_WAIT) c.closed_first = tcp::ClosedFirst::remote;
    }
    if (e.to == tcp::State::CLOSING) c.closed_first = tcp::ClosedFirst::both;
}

} // namespace

// --- full sockets

Connection* Tracker::Impl::find_full(const event::StateChange& e) {
    Connection* c = table_.by_object(e.sock);
    if (c && c->socket == e.sock) {
        const bool other_kind = (c->state == tcp::State::LISTEN) != (e.from == tcp::State::LISTEN);
        const bool other_cookie = c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie;
        if (!other_kind && !other_cookie && c->who.netns == e.netns &&
            may_be_same(c->who.tuple, e.tuple))
            return c;
        clear_address(e.sock);
    }
    c = table_.by_tuple(e.netns, e.tuple);
    if (e.from == tcp::State::LISTEN) c = find_by_cookie(e.cookie); // it has no four-tuple
    if (!c || c->ended || c->socket != 0) return nullptr;
    if (c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie) return nullptr;
    // Known from its mini-socket only, which was made before tracing of full sockets began.
    if (c->place == Place::mini && e.to == tcp::State::CLOSE) return c;
    // Listed without an address.
    if (c->place == Place::full) {
        table_.set_socket(*c, e.sock);
        return c;
    }
    return nullptr;
}

void Tracker::Impl::handle(const event::StateChange& e) {
    if (e.from == tcp::State::LISTEN && e.to == tcp::State::SYN_RECV) return on_child_born(e);
    if (e.from == tcp::State::SYN_RECV && (children_.contains(e.sock) || !find_full(e)))
        return on_child_established(e);
    if (e.from == tcp::State::CLOSE && (e.to == tcp::State::SYN_SENT || e.to == tcp::State::LISTEN))
        return on_open(e);

    Connection* c = find_full(e);
    // A socket that was never connected, and the second CLOSE of an ss -K of a listener, belong to
    // no connection.
    if (!c && e.from == tcp::State::CLOSE) return;
    const bool first_sight = !c;
    // Its connection has ended: the second record of the same ->CLOSE.
    if (first_sight && e.to == tcp::State::CLOSE && e.has(TD_STATE_NESTED)) return;
    if (first_sight) c = &adopt_full(e);
    if (c->ended) return;
    if (c->place == Place::mini)
        on_hand_over(*c, e);
    else
        on_transition(*c, e, first_sight);
}

/// As is_repetition(): the socket has been opened by the same call, and nothing was seen of it
/// since.
bool Tracker::Impl::is_opened_twice(const event::StateChange& e) {
    if (!e.has(TD_STATE_NESTED)) return false;
    const Connection* c = table_.by_object(e.sock);
    return c && !c->ended && c->socket == e.sock && c->who.cookie == e.cookie && c->state == e.to &&
           c->opened && c->last_event == *c->opened && c->loss_epoch == loss_epoch_;
}

void Tracker::Impl::on_open(const event::StateChange& e) {
    if (is_opened_twice(e)) return;
    clear_address(e.sock);
    Connection& c = create(e.sock, e.at, e.netns, e.tuple, e.cookie);
    table_.set_socket(c, e.sock);
    c.state = e.to;
    c.begin_state(e.at);
    c.opened = e.at;
    c.who.role = e.to == tcp::State::LISTEN ? tcp::Role::server : tcp::Role::client;
    learn_owner(c, e.owner);
    if (e.owner) c.who.process = e.owner->process;
    c.who.is_bound = e.to == tcp::State::SYN_SENT && e.tuple.local.port != 0;
    if (e.to == tcp::State::SYN_SENT && e.tuple.local.port == 0) {
        c.birth_held = true;
        remember_unnamed(c);
        held_.push_back(Deadline{e.at + kHold, c.who.slot, c.sequence});
        return;
    }
    if (e.to == tcp::State::LISTEN) {
        c.who.tuple.remote = tcp::Endpoint{};
        table_.index_listener(c);
    } else {
        if (Connection* other = table_.by_tuple(e.netns, e.tuple))
            clear_tuple(*other, tcp::TimeWaitEnd::reused);
        table_.index_tuple(c);
    }
    print_transition(c, e.from, e.to, e.at, std::nullopt);
}

Connection& Tracker::Impl::adopt_full(const event::StateChange& e) {
    Connection& c = create_existing(e.sock, e.at, e.netns, e.tuple, e.cookie, e.from);
    table_.set_socket(c, e.sock);
    learn_owner(c, e.owner);
    report_move(c, std::nullopt, e.from, e.at);
    return c;
}

/// Whether a record is there twice (bpf/nested.bpf.h: a task that lost its CPU in the middle of the
/// tracepoint). In the life of a connection no transition occurs a second time.
bool Tracker::Impl::is_repetition(const Connection& c, const event::StateChange& e) const {
    if (e.from == e.to || !c.confirmed) return false;
    if (!e.has(TD_STATE_NESTED)) // 0.1.0 doesn't mark them
        return c.state == e.to && e.at - c.last_event < kRepetition;
    if (c.loss_epoch != loss_epoch_) return false; // it may be another life of the socket
    const std::size_t passed = ConnectionTable::path_size(c);
    for (std::size_t i = 0; i < passed; ++i)
        if (table_.path_step(c, i).state == e.from &&
            (i + 1 < passed ? table_.path_step(c, i + 1).state : c.state) == e.to)
            return true;
    return false;
}

void Tracker::Impl::on_hand_over(Connection& c, const event::StateChange& e) {
    if (e.to == tcp::State::CLOSE)
        table_.set_socket(c, 0); // the socket's memory is soon used again
    note_event(c, e.at);
    note_socket(c, e);
    learn_past(c, e);
}

void Tracker::Impl::on_transition(Connection& c, const event::StateChange& e, bool first_sight) {
    if (is_repetition(c, e)) return;
    const bool lost_before = first_sight || c.loss_epoch != loss_epoch_;
    // Without a cookie, and for a socket that listens again, what was lost may be a whole life at
    // the same address.
    if (lost_before && (e.cookie == 0 || e.from == tcp::State::LISTEN)) {
        c.find_in_state(e.at);
        c.seen = c.seen == tcp::Seen::whole ? tcp::Seen::gap : c.seen;
    }
    learn_tuple(c, e.tuple);
    learn_cookie(c, e.cookie);
    resync_state(c, e.from, e.at);
    note_event(c, e.at);
    if (lost_before && may_leave_mini(e)) {
        // Most likely the hand-over to a mini-socket whose start wasn't seen. If there is none, the
        // next listing doesn't list it.
        if (c.seen == tcp::Seen::whole) c.seen = tcp::Seen::gap;
        c.place = Place::mini;
        return;
    }
    note_socket(c, e);
    note_closer(c, e);
    if (e.from == e.to) return report_learnt(c, e.at); // close() after shutdown()

    note_first_fin(c, e);
    move(c, e.to, e.at);
    if (e.to != tcp::State::CLOSE) return;
    c.uncertain = lost_before;
    on_close(c, e);
}

void Tracker::Impl::learn_past(Connection& c, const event::StateChange& e) {
    if (c.seen == tcp::Seen::whole || ConnectionTable::path_size(c) != 0 ||
        c.state != tcp::State::TIME_WAIT || e.from == tcp::State::TIME_WAIT)
        return;
    // Joined by its mini-socket; only now the full socket shows its previous state.
    table_.push_path(c, e.from, std::nullopt);
    if (e.from == tcp::State::CLOSING) c.closed_first = tcp::ClosedFirst::both;
    report_move(c, tcp::State::TIME_WAIT, e.from, e.at);
    print_transition(c, e.from, tcp::State::TIME_WAIT, c.since().value_or(e.at), std::nullopt);
}

void Tracker::Impl::note_closer(Connection& c, const event::StateChange& e) {
    if (!e.owner || !e.owner->process || !e.has(TD_STATE_OWNED)) return;
    if (!c.who.uid) c.who.uid = e.owner->uid;
    if (c.who.cgroup == 0) c.who.cgroup = e.owner->cgroup;
    const bool connect_failed = e.from == tcp::State::SYN_SENT && e.shutdown == 0 &&
                                !e.has(TD_STATE_UNANSWERED); // nobody closed
    const bool closing =
        e.to == tcp::State::FIN_WAIT1 || e.to == tcp::State::LAST_ACK || e.from == e.to ||
        (e.to == tcp::State::CLOSE && e.error == 0 && e.from != tcp::State::LAST_ACK &&
         !connect_failed) ||
        (e.to == tcp::State::CLOSE && e.error == ECONNABORTED); // ss -K, by its caller
    if (closing && !c.who.closed_by) {
        c.who.closed_by = e.owner->process;
        note_manner(c, e);
    }
    // Whoever closes a socket that has no known owner holds it; but an ss -K works on those of
    // others.
    if (closing && !c.who.process && e.error != ECONNABORTED) c.who.process = e.owner->process;
}

void Tracker::Impl::on_close(Connection& c, const event::StateChange& e) {
    SocketClose close{};
    close.from = e.from;
    close.error = e.error;
    close.shutdown = e.shutdown;
    close.flags = e.flags;
    close.has_local_port = c.who.tuple.local.port != 0;
    table_.evidence(c).close = close;
    end(c, e.at);
}

// --- time

void Tracker::Impl::advance_to(MonoTime now) {
    while (!settling_.empty() || !held_.empty()) {
        auto& queue =
            held_.empty() || (!settling_.empty() && settling_.front().due <= held_.front().due)
                ? settling_
                : held_;
        const Deadline deadline = queue.front();
        if (deadline.due > now) return;
        const bool settling = &queue == &settling_;
        queue.pop_front();
        unread_settling_ = std::min(unread_settling_, settling_.size());
        Connection* c = table_.find(deadline.slot, deadline.sequence);
        if (!c) continue;
        const CloseEvidence& seen = table_.evidence_of(*c);
        if (!settling)
            release_birth(*c);
        else if (c->ended)
            report_and_release(*c);
        else if (seen.cancelled && seen.cancelled->at + kSettle <= deadline.due)
            resolve_cancel(*c, std::nullopt);
        else if (seen.request_stopped && *seen.request_stopped + kSettle <= deadline.due)
            resolve_request(*c);
        else if (c->state == tcp::State::TIME_WAIT && options_.lines_at_close && !c->has_line)
            report_line(*c, deadline.due);
    }
}

void Tracker::Impl::make_room() {
    for (const auto* queue : {&settling_, &held_})
        if (queue->size() >= kMostDeadlines) advance_to(queue->front().due);
}

void Tracker::Impl::settle(MonoTime now) { advance_to(shifted(now, kSettle + kHold)); }

void Tracker::Impl::finish(MonoTime now) {
    settle(now);
    finished_at_ = now;
    for (const Slot slot : table_.in_order())
        if (Connection& c = table_[slot]; is_overdue(c, now))
            give_up(c);
        else
            report_and_release(c);
    finished_at_.reset();
    settling_.clear();
    unread_settling_ = 0;
    held_.clear();
    children_.clear();
    current_children_ = 0;
}

// --- the public interface

std::optional<MonoTime> opened_at(const LiveSocket& socket) {
    if (socket.seen == tcp::Seen::joined) return MonoTime{};
    std::optional<MonoTime> opened = socket.since;
    for (const PathStep& step : socket.left)
        opened = opened && step.dwell ? std::optional(*opened - *step.dwell) : std::nullopt;
    return opened;
}

Tracker::Tracker(TrackerListener& listener, TrackerOptions options)
    : impl_(std::make_unique<Impl>(listener, options)) {}
Tracker::~Tracker() = default;

void Tracker::on_event(const event::Event& event) {
    // A loss is said where a record fits again: there was no silence up to there.
    const bool is_loss = std::holds_alternative<event::LostTotals>(event);
    std::visit(
        [&](const auto& e) {
            if (is_loss) impl_->handle(e);
            if constexpr (requires { e.at; }) impl_->advance_to(e.at);
            impl_->make_room();
            impl_->note_recorded(event);
            if (!is_loss) impl_->handle(e);
        },
        event);
}

void Tracker::advance_to(MonoTime now) { impl_->advance_to(now); }

void Tracker::settle(MonoTime now) { impl_->settle(now); }

void Tracker::finish(MonoTime now) { impl_->finish(now); }

std::optional<MonoTime> Tracker::stopped() const { return impl_->stopped(); }

const TrackerTotals& Tracker::totals() const { return impl_->totals(); }

bool Tracker::finds_overdue(MonoTime now) { return impl_->finds_overdue(now); }

std::size_t Tracker::live() const { return impl_->live(); }

void Tracker::for_each_live(const std::function<void(const LiveSocket&)>& visit) const {
    impl_->for_each_live(visit);
}

void Tracker::for_each_listed(MonoTime now,
                              const std::function<void(const ListedSocket&)>& visit) const {
    impl_->for_each_listed(now, visit);
}

} // namespace tcpdwell::track

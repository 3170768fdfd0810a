// SPDX-License-Identifier: Apache-2.0
// Full sockets, and the life of a connection from its first event to its line.
//
// The tracepoint shows neither TIME_WAIT nor the handshake of a server: a socket that "closes" from FIN_WAIT2 has usually been
// replaced by a mini-socket, whose timer has told so just before, and a child that appears in SYN_RECV has lived in a request
// socket since the SYN.
#include "track/tracker.h"

#include <algorithm>
#include <cerrno>

#include "track/tracker_impl.h"

namespace tcpdwell {
namespace {

using namespace std::chrono_literals;

/// How long the line of a connect() waits for its local port, which is chosen after the state has changed.
constexpr Nanoseconds kHold = 40ms;
/// No socket passes the same transition twice within this time.
constexpr Nanoseconds kRepetition = 1ms;
/// A handshake can take this long (tcp_synack_retries and backoff): a loss so long ago may have hidden a SYN.
constexpr Nanoseconds kLongestHandshake = 130s;

std::uint64_t connection_id(std::uint64_t object, MonoTime at) {
    std::uint64_t x = object ^ (static_cast<std::uint64_t>(at.time_since_epoch().count()) * 0x9e3779b97f4a7c15ULL);
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    return x ^ (x >> 32);
}

bool close_in_time(const std::optional<ResetSeen>& reset, MonoTime at) {
    return reset && reset->at >= at - kSettle && reset->at <= at + kSettle;
}

} // namespace

// --- life ------------------------------------------------------------------------------------------------------------------

Connection& Tracker::Impl::create(std::uint64_t object, MonoTime at, std::uint32_t netns, const FourTuple& tuple,
                                  std::uint64_t cookie) {
    if (table_.size() >= options_.max_connections) {
        ++totals_.evicted;
        give_up(*table_.least_recent());
    }
    Connection& c = table_.create();
    c.who.id = connection_id(object, at);
    c.who.netns = netns;
    c.who.tuple = tuple;
    c.who.cookie = cookie;
    c.last_event = at;
    c.loss_epoch = loss_epoch_;
    table_.index_object(object, c);
    return c;
}

Connection& Tracker::Impl::create_unborn(std::uint64_t object, MonoTime at, std::uint32_t netns, const FourTuple& tuple,
                                         std::uint64_t cookie, TcpState state) {
    Connection& c = create(object, at, netns, tuple, cookie);
    c.state = state;
    c.seen = last_loss_ ? Seen::gap : Seen::joined;
    c.who.role = guess_role(netns, tuple, state);
    switch (state) {
    case TcpState::CLOSE_WAIT:
    case TcpState::LAST_ACK: c.closed_first = ClosedFirst::remote; break;
    case TcpState::FIN_WAIT1:
    case TcpState::FIN_WAIT2:
    case TcpState::TIME_WAIT: c.closed_first = ClosedFirst::local; break;
    case TcpState::CLOSING: c.closed_first = ClosedFirst::both; break;
    default: break;
    }
    if (state == TcpState::LISTEN)
        table_.index_listener(c);
    else
        table_.index_tuple(c);
    if (c.who.role == Role::server && state != TcpState::LISTEN) inherit_owner(c, table_.listener_for(netns, tuple.local));
    return c;
}

Role Tracker::Impl::guess_role(std::uint32_t netns, const FourTuple& tuple, TcpState state) const {
    if (state == TcpState::SYN_SENT) return Role::client;
    if (state == TcpState::LISTEN || state == TcpState::SYN_RECV) return Role::server;
    return table_.listener_for(netns, tuple.local) ? Role::server : Role::unknown;
}

void Tracker::Impl::note_event(Connection& c, MonoTime at) {
    c.last_event = std::max(c.last_event, at);
    c.loss_epoch = loss_epoch_;
    c.confirmed = true;
    table_.touch(c);
}

void Tracker::Impl::mark_gap(Connection& c) {
    c.seen = Seen::gap;
    ++totals_.unexpected;
}

void Tracker::Impl::print_transition(Connection& c, TcpState from, TcpState to, MonoTime at, std::optional<Nanoseconds> dwell) {
    ++totals_.transitions;
    listener_.on_transition(TransitionLine{at, &c.who, from, to, dwell});
}

void Tracker::Impl::release_birth(Connection& c) {
    if (!c.birth_held) return;
    c.birth_held = false;
    print_transition(c, TcpState::CLOSE, TcpState::SYN_SENT, *c.opened, std::nullopt);
}

void Tracker::Impl::move(Connection& c, TcpState to, MonoTime at) {
    release_birth(c);
    std::optional<Nanoseconds> dwell;
    // Two CPUs may stamp two events of one connection in the other order, by less than a microsecond.
    if (c.since) dwell = std::max(at - *c.since, Nanoseconds(0));
    const TcpState from = c.state;
    if (from != TcpState::LISTEN) c.path.push(from, dwell);
    if (from == TcpState::TIME_WAIT) c.time_wait_dwell = dwell;
    c.state = to;
    c.since = c.since ? std::max(at, *c.since) : at;
    print_transition(c, from, to, *c.since, dwell);
}

void Tracker::Impl::resync_state(Connection& c, TcpState actual) {
    if (c.state == actual) return;
    // A listing may be older than the socket's last change, and nothing else is known of it yet.
    if (c.confirmed) {
        mark_gap(c);
        c.path.push(c.state, std::nullopt);
    }
    release_birth(c);
    c.state = actual;
    c.since.reset();
}

void Tracker::Impl::end(Connection& c, MonoTime at) {
    c.ended = true;
    c.closed = at;
    table_.forget_tuple(c);
    keep_appointment(c, at + kSettle);
}

void Tracker::Impl::keep_appointment(Connection& c, MonoTime due) {
    settling_.push_back(Appointment{due, &c, c.generation});
}

void Tracker::Impl::hand_out(Connection& c) {
    release_birth(c);
    if (c.who.tuple.remote.empty()) { // a listener
        table_.release(c);
        return;
    }
    std::array<PathStep, 9> steps;
    std::size_t count = 0;
    for (; count < c.path.size(); ++count) steps[count] = c.path[count];

    ConnectionLine line;
    line.who = &c.who;
    line.opened = c.opened;
    line.closed = c.closed;
    line.seen = c.seen;
    line.closed_first = c.closed_first;
    line.idle = !c.confirmed;

    Verdict verdict;
    if (!c.ended) {
        steps[count++] = {c.state, std::nullopt};
        // Both FINs have been seen; only the wait goes on.
        verdict = c.state == TcpState::TIME_WAIT ? Verdict(Ending::fin, EndingDetail::none, TimeWaitEnd::open) : Verdict(Ending::open);
    } else if (auto* socket = std::get_if<SocketClose>(&c.close)) {
        socket->role = c.who.role;
        socket->reset_received = close_in_time(c.reset_received, *c.closed);
        socket->reset_sent = close_in_time(c.reset_sent, *c.closed);
        if (socket->reset_sent) {
            socket->reset_reply = c.reset_sent->reply;
            socket->reset_reason = c.reset_sent->reason;
        }
        socket->uncertain = c.uncertain || c.loss_epoch != loss_epoch_;
        verdict = classify(*socket);
    } else if (auto* mini = std::get_if<MiniClose>(&c.close)) {
        mini->answered_reset = close_in_time(c.reset_sent, *c.closed);
        verdict = classify(*mini);
    } else if (auto* known = std::get_if<Verdict>(&c.close)) {
        verdict = *known;
    }
    line.ending = verdict.ending;
    line.detail = verdict.detail;
    if (line.closed_first == ClosedFirst::unknown) line.closed_first = closed_first_by(verdict.ending);
    if (verdict.time_wait) line.time_wait = ConnectionLine::TimeWait{c.time_wait_dwell, *verdict.time_wait, c.restarts};
    if (c.uncertain && verdict.ending == Ending::unknown) line.seen = Seen::gap;
    line.states = {steps.data(), count};

    ++totals_.connections;
    listener_.on_connection(line);
    table_.release(c);
}

void Tracker::Impl::give_up(Connection& c) {
    if (!c.ended) {
        c.seen = Seen::gap;
        c.path.push(c.state, std::nullopt);
        c.ended = true;
        c.closed.reset();
        Verdict verdict;
        if (c.state == TcpState::TIME_WAIT) verdict = Verdict(Ending::fin, EndingDetail::none, TimeWaitEnd::unknown);
        c.close = verdict;
    }
    hand_out(c);
}

void Tracker::Impl::learn_tuple(Connection& c, const FourTuple& tuple) {
    if (c.who.tuple.local.port != 0 || tuple.local.port == 0) return;
    table_.forget_tuple(c);
    c.who.tuple = tuple;
    if (Connection* other = table_.by_tuple(c.who.netns, tuple); other && other != &c) clear_tuple(*other, TimeWaitEnd::reused);
    table_.index_tuple(c);
    release_birth(c);
}

void Tracker::Impl::learn_cookie(Connection& c, std::uint64_t cookie) {
    if (c.who.cookie == 0) c.who.cookie = cookie;
}

void Tracker::Impl::inherit_owner(Connection& c, const Connection* listener) {
    if (!listener) return;
    c.who.process = listener->who.process;
    c.inherited_owner = true;
    if (!c.who.uid) c.who.uid = listener->who.uid;
    if (c.who.cgroup == 0) c.who.cgroup = listener->who.cgroup;
}

void Tracker::Impl::clear_address(std::uint64_t object) {
    children_.erase(object);
    Connection* old = table_.by_object(object);
    if (!old) return;
    // A full socket whose connection lives on in a mini-socket has left this address lawfully.
    if (old->full == object && old->place == Place::mini && !old->ended) {
        table_.forget_object(object, *old);
        old->full = 0;
        return;
    }
    if (old->cancelled) resolve_cancel(*old, std::nullopt);
    if (old->request_stopped && !old->ended) resolve_request(*old);
    if (!old->ended) ++totals_.unexpected;
    give_up(*old);
}

void Tracker::Impl::clear_tuple(Connection& c, TimeWaitEnd follower) {
    if (c.ended) return;
    if (c.place == Place::mini && c.cancelled) {
        resolve_cancel(c, follower);
    } else if (c.place == Place::request && c.request_stopped) {
        resolve_request(c);
    } else if (c.place == Place::mini) {
        // A connect() that takes over a TIME_WAIT is seen before the mini-socket's timer is cancelled.
        table_.forget_tuple(c);
    } else {
        ++totals_.unexpected;
        give_up(c);
    }
}

// --- full sockets ----------------------------------------------------------------------------------------------------------

Connection* Tracker::Impl::find_full(const StateChange& e) {
    Connection* c = table_.by_object(e.sock);
    if (c && c->full == e.sock) {
        const bool other_socket = c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie;
        if (!other_socket) return c;
        clear_address(e.sock);
    }
    c = table_.by_tuple(e.netns, e.tuple);
    if (!c || c->ended || c->full != 0) return nullptr;
    if (c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie) return nullptr;
    // Known from its mini-socket only, which was made before tracing of full sockets began.
    if (c->place == Place::mini && e.to == TcpState::CLOSE) return c;
    // Listed without an address.
    if (c->place == Place::full) {
        c->full = e.sock;
        table_.index_object(e.sock, *c);
        return c;
    }
    return nullptr;
}

void Tracker::Impl::handle(const StateChange& e) {
    if (e.from == TcpState::LISTEN && e.to == TcpState::SYN_RECV) return on_child_born(e);
    if (e.from == TcpState::SYN_RECV && (children_.contains(e.sock) || !find_full(e))) return on_child_established(e);

    if (e.from == TcpState::CLOSE && (e.to == TcpState::SYN_SENT || e.to == TcpState::LISTEN)) {
        clear_address(e.sock);
        Connection& c = create(e.sock, e.at, e.netns, e.tuple, e.cookie);
        c.full = e.sock;
        c.state = e.to;
        c.since = c.opened = e.at;
        c.closed_first = ClosedFirst::unknown;
        c.who.role = e.to == TcpState::LISTEN ? Role::server : Role::client;
        if (e.owner) {
            c.who.process = e.owner->process;
            c.who.uid = e.owner->uid;
            c.who.cgroup = e.owner->cgroup;
        }
        if (e.to == TcpState::LISTEN) {
            c.who.tuple.remote = Endpoint{};
            table_.index_listener(c);
            print_transition(c, e.from, e.to, e.at, std::nullopt);
        } else if (e.tuple.local.port == 0) {
            c.birth_held = true;
            held_.push_back(Appointment{e.at + kHold, &c, c.generation});
        } else {
            if (Connection* other = table_.by_tuple(e.netns, e.tuple)) clear_tuple(*other, TimeWaitEnd::reused);
            table_.index_tuple(c);
            print_transition(c, e.from, e.to, e.at, std::nullopt);
        }
        return;
    }

    Connection* c = find_full(e);
    bool lost_before = false;
    if (!c) {
        // A socket that was never connected, and the second CLOSE of an ss -K of a listener, are nobody's connection.
        if (e.from == TcpState::CLOSE) return;
        c = &create_unborn(e.sock, e.at, e.netns, e.tuple, e.cookie, e.from);
        c->full = e.sock;
        lost_before = true;
        if (e.owner) {
            c->who.uid = e.owner->uid;
            c->who.cgroup = e.owner->cgroup;
        }
    }
    if (c->ended) return;
    if (c->place == Place::mini) { // the hand-over
        note_event(*c, e.at);
        learn_past(*c, e);
        return;
    }
    // Told twice (bpf/nested.bpf.h: a task that changed its CPU in the middle of the tracepoint).
    if (e.from != e.to && c->state == e.to && c->confirmed && e.at - c->last_event < kRepetition) return;
    lost_before = lost_before || c->loss_epoch != loss_epoch_;
    learn_tuple(*c, e.tuple);
    learn_cookie(*c, e.cookie);
    resync_state(*c, e.from);
    note_event(*c, e.at);
    note_closer(*c, e);
    if (e.from == e.to) return; // close() after shutdown(): the state goes on

    if (e.from == TcpState::ESTABLISHED || e.from == TcpState::SYN_RECV) {
        if (e.to == TcpState::FIN_WAIT1) c->closed_first = ClosedFirst::local;
        if (e.to == TcpState::CLOSE_WAIT) c->closed_first = ClosedFirst::remote;
    }
    if (e.to == TcpState::CLOSING) c->closed_first = ClosedFirst::both;
    move(*c, e.to, e.at);
    if (e.to != TcpState::CLOSE) return;
    c->uncertain = lost_before;
    on_close(*c, e);
}

void Tracker::Impl::learn_past(Connection& c, const StateChange& e) {
    if (c.seen == Seen::whole || c.path.size() != 0 || c.state != TcpState::TIME_WAIT || e.from == TcpState::TIME_WAIT) return;
    // Joined by its mini-socket; only now the full socket tells what went before.
    c.path.push(e.from, std::nullopt);
    if (e.from == TcpState::CLOSING) c.closed_first = ClosedFirst::both;
    print_transition(c, e.from, TcpState::TIME_WAIT, c.since.value_or(e.at), std::nullopt);
}

void Tracker::Impl::note_closer(Connection& c, const StateChange& e) {
    if (!e.owner || !e.owner->process || !e.has(TD_STATE_OWNED)) return;
    if (!c.who.uid) c.who.uid = e.owner->uid;
    if (c.who.cgroup == 0) c.who.cgroup = e.owner->cgroup;
    const bool connect_failed = e.from == TcpState::SYN_SENT && e.shutdown == 0 && !e.has(TD_STATE_UNANSWERED); // nobody closed
    const bool closing = e.to == TcpState::FIN_WAIT1 || e.to == TcpState::LAST_ACK || e.from == e.to ||
                         (e.to == TcpState::CLOSE && e.error == 0 && e.from != TcpState::LAST_ACK && !connect_failed) ||
                         (e.to == TcpState::CLOSE && e.error == ECONNABORTED); // ss -K, by its caller
    if (closing && !c.who.closed_by) c.who.closed_by = e.owner->process;
    // Whoever closes a socket that has no known owner holds it; but an ss -K works on those of others.
    if (closing && !c.who.process && e.error != ECONNABORTED) c.who.process = e.owner->process;
}

void Tracker::Impl::on_close(Connection& c, const StateChange& e) {
    SocketClose close{};
    close.from = e.from;
    close.error = e.error;
    close.shutdown = e.shutdown;
    close.flags = e.flags;
    close.has_local_port = c.who.tuple.local.port != 0;
    c.close = close;
    end(c, e.at);
}

void Tracker::Impl::on_child_born(const StateChange& e) {
    // Up to 6.12 neither the peer nor the cookie is known yet: the child is told from its next event.
    clear_address(e.sock);
    children_[e.sock] = Child{e.at, std::nullopt};
}

void Tracker::Impl::on_child_established(const StateChange& e) {
    std::optional<MonoTime> born;
    std::optional<Process> accepted_by;
    if (const auto it = children_.find(e.sock); it != children_.end()) {
        born = it->second.born;
        accepted_by = it->second.accepted_by;
        children_.erase(it);
    }
    Connection* c = table_.by_tuple(e.netns, e.tuple);
    const bool has_request = c && !c->ended && c->place == Place::request;
    if (e.to == TcpState::CLOSE && born && (has_request || !e.has(TD_STATE_FASTOPEN))) return; // dropped, for want of room in the accept queue

    if (has_request) {
        learn_cookie(*c, e.cookie);
        c->request_stopped.reset();
        c->request_expired = false;
        c->place = Place::full;
        c->full = e.sock;
        table_.index_object(e.sock, *c);
        table_.forget_object(c->request, *c);
        c->request = 0;
    } else {
        if (c) clear_tuple(*c, TimeWaitEnd::recycled);
        c = &create(e.sock, e.at, e.netns, e.tuple, e.cookie);
        c->full = e.sock;
        c->state = TcpState::SYN_RECV;
        c->who.role = Role::server;
        inherit_owner(*c, table_.listener_for(e.netns, e.tuple.local));
        table_.index_tuple(*c);
        if (born) {
            // A child made at the SYN (TCP Fast Open) has been in SYN_RECV since; one made at the ACK (SYN cookie) leaves no trace of how
            // long the handshake took.
            const bool fast_open = e.has(TD_STATE_FASTOPEN);
            if (fast_open) c->since = born;
            c->opened = fast_open ? *born : e.at;
            print_transition(*c, TcpState::LISTEN, TcpState::SYN_RECV, *c->opened, std::nullopt);
            if (last_loss_ && e.at - *last_loss_ < kLongestHandshake) c->seen = Seen::gap;
        } else {
            c->seen = last_loss_ ? Seen::gap : Seen::joined;
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

// --- time ------------------------------------------------------------------------------------------------------------------

void Tracker::Impl::advance_to(MonoTime now) {
    while (!settling_.empty() || !held_.empty()) {
        auto& queue = held_.empty() || (!settling_.empty() && settling_.front().due <= held_.front().due) ? settling_ : held_;
        const Appointment a = queue.front();
        if (a.due > now) return;
        const bool settling = &queue == &settling_;
        queue.pop_front();
        Connection& c = *a.connection;
        if (c.generation != a.generation) continue;
        if (!settling)
            release_birth(c);
        else if (c.ended)
            hand_out(c);
        else if (c.cancelled && c.cancelled->at + kSettle <= a.due)
            resolve_cancel(c, std::nullopt);
        else if (c.request_stopped && *c.request_stopped + kSettle <= a.due)
            resolve_request(c);
    }
}

void Tracker::Impl::finish(MonoTime now) {
    advance_to(now + kSettle + kHold);
    for (Connection* c : table_.in_order()) hand_out(*c);
    settling_.clear();
    held_.clear();
    children_.clear();
}

// --- the public face ---------------------------------------------------------------------------------------------------------

Tracker::Tracker(TrackerListener& listener, TrackerOptions options) : impl_(std::make_unique<Impl>(listener, options)) {}
Tracker::~Tracker() = default;

void Tracker::on_event(const Event& event) {
    std::visit(
        [this](const auto& e) {
            if constexpr (requires { e.at; }) impl_->advance_to(e.at);
            impl_->handle(e);
        },
        event);
}

void Tracker::advance_to(MonoTime now) {
    impl_->advance_to(now);
}

void Tracker::finish(MonoTime now) {
    impl_->finish(now);
}

const TrackerTotals& Tracker::totals() const {
    return impl_->totals();
}

std::size_t Tracker::live() const {
    return impl_->live();
}

void Tracker::for_each_live(const std::function<void(const LiveSocket&)>& visit) const {
    for (const Connection* c : impl_->table().in_order())
        if (!c->ended) visit(LiveSocket{c->who, c->state});
}

} // namespace tcpdwell

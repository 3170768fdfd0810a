// SPDX-License-Identifier: Apache-2.0
// The life of a connection, whatever it is kept in: creation, transitions, identity, and the line
// at its end.
#include <algorithm>

#include "base/hash.h"
#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

std::uint64_t connection_id(std::uint64_t object, MonoTime at) {
    return mix64(object ^ (static_cast<std::uint64_t>(at.time_since_epoch().count()) *
                           0x9e3779b97f4a7c15ULL));
}

/// Who must have closed first for a connection to be in that state.
tcp::ClosedFirst closed_first_in(tcp::State state) {
    switch (state) {
    case tcp::State::CLOSE_WAIT:
    case tcp::State::LAST_ACK: return tcp::ClosedFirst::remote;
    case tcp::State::FIN_WAIT1:
    case tcp::State::FIN_WAIT2:
    case tcp::State::TIME_WAIT: return tcp::ClosedFirst::local;
    case tcp::State::CLOSING: return tcp::ClosedFirst::both;
    default: return tcp::ClosedFirst::unknown;
    }
}

/// A FIN decided it before the ending, or else the ending does.
tcp::ClosedFirst closed_first_of(const Connection& c, const Classification& verdict) {
    return c.closed_first == tcp::ClosedFirst::unknown ? closed_first_by(verdict.ending)
                                                       : c.closed_first;
}

} // namespace

Connection& Tracker::Impl::create(std::uint64_t object, MonoTime at, std::uint32_t netns,
                                  const tcp::FourTuple& tuple, std::uint64_t cookie) {
    if (table_.size() >= options_.max_connections) {
        Connection& oldest = *table_.least_recent();
        oldest.evicted = !oldest.ended; // else its end has been seen, and is reported
        totals_.evicted += oldest.evicted;
        give_up(oldest);
    }
    Connection& c = table_.create();
    c.who.id = connection_id(object, at);
    c.who.netns = netns;
    c.who.tuple = tuple;
    c.who.cookie = cookie;
    c.last_event = at;
    c.find_in_state(at);
    c.loss_epoch = loss_epoch_;
    members_.add(c, table_);
    return c;
}

Connection& Tracker::Impl::create_existing(std::uint64_t object, MonoTime at, std::uint32_t netns,
                                           const tcp::FourTuple& tuple, std::uint64_t cookie,
                                           tcp::State state) {
    Connection& c = create(object, at, netns, tuple, cookie);
    c.state = state;
    // Since then it may be one that was given up: nothing says that it was there before the run.
    const bool may_be_known = last_loss_ || totals_.evicted > 0;
    c.seen = may_be_known ? tcp::Seen::gap : tcp::Seen::joined;
    if (is_unnamed(c)) remember_unnamed(c);
    c.who.role = guess_role(netns, tuple, state);
    c.closed_first = closed_first_in(state);
    if (state == tcp::State::LISTEN)
        table_.index_listener(c);
    else
        table_.index_tuple(c);
    if (c.who.role == tcp::Role::server && state != tcp::State::LISTEN)
        inherit_owner(c, table_.listener_for(netns, tuple.local));
    return c;
}

tcp::Role Tracker::Impl::guess_role(std::uint32_t netns, const tcp::FourTuple& tuple,
                                    tcp::State state) const {
    if (state == tcp::State::SYN_SENT) return tcp::Role::client;
    if (state == tcp::State::LISTEN || state == tcp::State::SYN_RECV) return tcp::Role::server;
    return table_.listener_for(netns, tuple.local) ? tcp::Role::server : tcp::Role::unknown;
}

void Tracker::Impl::note_event(Connection& c, MonoTime at) {
    c.last_event = std::max(c.last_event, at);
    c.loss_epoch = loss_epoch_;
    c.confirmed = true;
    table_.touch(c);
}

void Tracker::Impl::mark_gap(Connection& c) {
    c.seen = tcp::Seen::gap;
    ++totals_.unexpected;
    note_unseen(c);
}

/// What is missing of `c` isn't among what was lost. Nothing is missing of a connect() whose local
/// port never became known: a filter by ports takes no more of it, once the port shows that it
/// isn't wanted.
void Tracker::Impl::note_unseen(const Connection& c) {
    const bool may_be_filtered = c.who.tuple.local.port == 0;
    if (!may_be_filtered && !stopped_) totals_.unseen += c.confirmed && c.loss_epoch == loss_epoch_;
}

void Tracker::Impl::print_transition(Connection& c, tcp::State from, tcp::State to, MonoTime at,
                                     std::optional<Nanoseconds> dwell) {
    ++totals_.transitions;
    const bool is_child = from == tcp::State::LISTEN && to == tcp::State::SYN_RECV;
    const bool born = is_child || from == tcp::State::CLOSE;
    report_move(c, born ? std::nullopt : std::optional(from), to, at, born);
    listener_.on_transition(TransitionLine{at, &c.who, from, to, dwell});
}

void Tracker::Impl::report_move(const Connection& c, std::optional<tcp::State> from,
                                std::optional<tcp::State> to, MonoTime at, bool born) {
    if (from == tcp::State::CLOSE) from.reset();
    if (to == tcp::State::CLOSE) to.reset();
    if (from || to) listener_.on_move(StateMove{at, &c.who, from, to, born, c.closed_how});
}

void Tracker::Impl::report_learnt(const Connection& c, MonoTime at) {
    if (!c.ended && !c.birth_held && c.state != tcp::State::CLOSE)
        listener_.on_learnt(c.who, c.state, at);
}

void Tracker::Impl::release_birth(Connection& c) {
    if (!c.birth_held) return;
    c.birth_held = false;
    print_transition(c, tcp::State::CLOSE, tcp::State::SYN_SENT, *c.opened, std::nullopt);
}

void Tracker::Impl::move(Connection& c, tcp::State to, MonoTime at) {
    release_birth(c);
    std::optional<Nanoseconds> dwell;
    // Two CPUs may stamp two events of one connection in the other order, by less than a
    // microsecond.
    const Nanoseconds known = std::max(at - c.entered, Nanoseconds(0));
    if (c.entry_seen) dwell = known;
    const tcp::State from = c.state;
    if (from != tcp::State::LISTEN) table_.push_path(c, from, dwell, known);
    if (from == tcp::State::TIME_WAIT) table_.evidence(c).time_wait_dwell = dwell;
    c.state = to;
    c.begin_state(c.entry_seen ? std::max(at, c.entered) : at);
    print_transition(c, from, to, c.entered, dwell);
    if (to == tcp::State::TIME_WAIT && options_.lines_at_close) schedule_check(c, at + kSettle);
}

void Tracker::Impl::resync_state(Connection& c, tcp::State actual, MonoTime at) {
    if (c.state == actual) return;
    // A listing may be older than the socket's last change, and nothing else is known of it yet.
    if (c.confirmed || c.loss_epoch != loss_epoch_) {
        mark_gap(c);
        table_.push_path(c, c.state, std::nullopt);
    }
    restate(c, actual, at);
}

void Tracker::Impl::restate(Connection& c, tcp::State actual, MonoTime at) {
    release_birth(c);
    if (c.closed_first == tcp::ClosedFirst::unknown) c.closed_first = closed_first_in(actual);
    const tcp::State supposed = c.state;
    c.state = actual;
    c.find_in_state(at);
    report_move(c, supposed, actual, at);
}

void Tracker::Impl::end(Connection& c, MonoTime at) {
    c.ended = true;
    table_.evidence(c).closed = at;
    table_.forget_tuple(c);
    schedule_check(c, at + kSettle);
}

void Tracker::Impl::schedule_check(Connection& c, MonoTime due) {
    settling_.push_back(Deadline{due, c.who.slot, c.sequence});
    ++unread_settling_;
}

Tracker::Impl::Summary Tracker::Impl::summary_of_open(const Connection& c) const {
    const bool lost = c.loss_epoch != loss_epoch_; // what was lost may have been its end
    const bool in_doubt = lost || is_undecided(c);
    Classification verdict;
    // In TIME_WAIT both FINs have been seen; only the wait goes on.
    if (c.state == tcp::State::TIME_WAIT)
        verdict = Classification(tcp::Ending::fin, tcp::EndingDetail::none,
                                 in_doubt ? tcp::TimeWaitEnd::unknown : tcp::TimeWaitEnd::open);
    else if (!in_doubt)
        verdict = Classification(tcp::Ending::open);
    return {lost ? tcp::Seen::gap : c.seen, closed_first_of(c, verdict), verdict};
}

Tracker::Impl::Summary Tracker::Impl::summary_of_ended(const Connection& c) const {
    const CloseEvidence& evidence = table_.evidence_of(c);
    const Classification verdict = judge(c, evidence);
    // No full socket ends without an error, an RST or both FINs, but for TCP_REPAIR: what says why
    // hasn't been seen.
    const bool is_gap = std::holds_alternative<SocketClose>(evidence.close) &&
                        !(evidence.closed && is_cut_off(*evidence.closed));
    const bool unexplained = verdict.ending == tcp::Ending::unknown && (c.uncertain || is_gap);
    return {unexplained ? tcp::Seen::gap : c.seen, closed_first_of(c, verdict), verdict};
}

std::span<const PathStep> Tracker::Impl::copy_path(const Connection& c,
                                                   std::span<PathStep> to) const {
    const std::size_t size = ConnectionTable::path_size(c);
    for (std::size_t i = 0; i < size; ++i) to[i] = table_.path_step(c, i);
    return to.first(size);
}

void Tracker::Impl::for_each_live(const std::function<void(const LiveSocket&)>& visit) const {
    for (const Slot slot : table_.in_order()) {
        const Connection& c = table_[slot];
        if (c.ended) continue;
        const Summary open = summary_of_open(c);
        std::array<PathStep, kLongestPath> left;
        const SocketDetails* details = table_.details_of(c);
        visit(LiveSocket{c.who, c.state, c.since(), c.entered, open.seen, open.closed_first,
                         open.verdict.ending, copy_path(c, left),
                         details ? &details->numbers : nullptr,
                         details ? details->backlog : OptionalNumber<std::uint32_t>(),
                         accept_of(c, open.seen), holders_of(c), c.closed_how, c.closing_signal,
                         details ? std::optional(details->read_at) : std::nullopt});
    }
}

void Tracker::Impl::report_and_release(Connection& c) {
    release_birth(c);
    if (c.state != tcp::State::CLOSE) report_move(c, c.state, std::nullopt, c.last_event);
    if (c.who.tuple.remote.empty()) { // a listener
        release(c);
        return;
    }
    if (!c.evicted) ++totals_.connections;
    if (!c.has_line) report_line(c, finished_at_);
    release(c);
}

void Tracker::Impl::report_line(Connection& c, std::optional<MonoTime> now) {
    std::array<PathStep, kLongestPath + 1> steps;
    std::size_t count = copy_path(c, steps).size();
    if (!c.ended)
        steps[count++] = {c.state, std::nullopt,
                          now ? std::max(*now - c.entered, Nanoseconds(0)) : Nanoseconds(0)};
    const Summary summary = c.ended ? summary_of_ended(c) : summary_of_open(c);
    const Classification& verdict = summary.verdict;
    const CloseEvidence& evidence = table_.evidence_of(c);

    ConnectionLine line;
    line.who = &c.who;
    line.opened = c.opened;
    line.closed = evidence.closed;
    line.entered = c.entered;
    line.states = {steps.data(), count};
    line.closed_first = summary.closed_first;
    line.ending = verdict.ending;
    line.detail = verdict.detail;
    if (verdict.time_wait)
        line.time_wait = ConnectionLine::TimeWait{evidence.time_wait_dwell, *verdict.time_wait,
                                                  evidence.restarts};
    line.seen = summary.seen;
    line.evicted = c.evicted;
    line.idle = !c.confirmed;

    add_details(c, line);
    c.has_line = true;
    listener_.on_connection(line);
}

void Tracker::Impl::release(Connection& c) {
    holders_.erase(c.who.slot);
    table_.release(c);
}

Classification Tracker::Impl::judge(const Connection& c, const CloseEvidence& evidence) const {
    if (const auto* known = std::get_if<Classification>(&evidence.close)) return *known;
    const MonoTime closed = evidence.closed ? *evidence.closed : MonoTime{};
    if (const auto* as_mini = std::get_if<MiniClose>(&evidence.close)) {
        MiniClose close = *as_mini;
        close.answered_reset = close_in_time(evidence.reset_sent, closed);
        return classify(close);
    }
    const auto* as_socket = std::get_if<SocketClose>(&evidence.close);
    if (!as_socket) return {};
    SocketClose close = *as_socket;
    close.role = c.who.role;
    close.reset_received = close_in_time(evidence.reset_received, closed);
    close.reset_sent = close_in_time(evidence.reset_sent, closed);
    if (close.reset_sent) {
        close.reset_reply = evidence.reset_sent->reply;
        close.reset_reason = evidence.reset_sent->reason;
    }
    close.uncertain = c.uncertain || c.loss_epoch != loss_epoch_;
    close.cut_off = is_cut_off(closed);
    return classify(close);
}

void Tracker::Impl::give_up(Connection& c) {
    if (!c.ended) {
        if (!c.evicted) note_unseen(c); // its end
        c.seen = tcp::Seen::gap;
        table_.push_path(c, c.state, std::nullopt);
        c.ended = true;
        Classification verdict;
        if (c.state == tcp::State::TIME_WAIT)
            verdict = Classification(tcp::Ending::fin, tcp::EndingDetail::none,
                                     tcp::TimeWaitEnd::unknown);
        CloseEvidence& evidence = table_.evidence(c);
        evidence.closed.reset();
        evidence.close = verdict;
    }
    report_and_release(c);
}

void Tracker::Impl::learn_tuple(Connection& c, const tcp::FourTuple& tuple) {
    if (c.who.tuple.local.port != 0 || tuple.local.port == 0) return;
    c.listed_in = std::max(c.listed_in, listed_unnamed_in(c));
    table_.forget_tuple(c);
    c.who.tuple = tuple;
    if (Connection* other = table_.by_tuple(c.who.netns, tuple); other && other != &c)
        clear_tuple(*other, tcp::TimeWaitEnd::reused);
    table_.index_tuple(c);
    release_birth(c);
}

void Tracker::Impl::learn_cookie(Connection& c, std::uint64_t cookie) {
    if (c.who.cookie == 0) c.who.cookie = cookie;
}

void Tracker::Impl::learn_owner(Connection& c, const std::optional<event::Owner>& owner) {
    if (!owner) return;
    c.who.uid = owner->uid;
    c.who.cgroup = owner->cgroup;
}

void Tracker::Impl::inherit_owner(Connection& c, const Connection* listener) {
    if (!listener) return;
    c.who.process = listener->who.process;
    c.inherited_owner = true;
    if (!c.who.uid) c.who.uid = listener->who.uid;
    if (c.who.cgroup == 0) c.who.cgroup = listener->who.cgroup;
}

void Tracker::Impl::clear_address(std::uint64_t object) {
    take_child(object);
    Connection* old = table_.by_object(object);
    if (!old) return;
    // A full socket whose connection lives on in a mini-socket has left this address as expected.
    if (old->socket == object && old->place == Place::mini && !old->ended) {
        table_.set_socket(*old, 0);
        return;
    }
    if (table_.evidence_of(*old).cancelled) resolve_cancel(*old, std::nullopt);
    if (table_.evidence_of(*old).request_stopped && !old->ended) resolve_request(*old);
    if (!old->ended && !stopped_) ++totals_.unexpected;
    give_up(*old);
}

void Tracker::Impl::clear_tuple(Connection& c, tcp::TimeWaitEnd follower) {
    if (c.ended) return;
    if (c.place == Place::mini && table_.evidence_of(c).cancelled) {
        resolve_cancel(c, follower);
    } else if (c.place == Place::request && table_.evidence_of(c).request_stopped) {
        resolve_request(c);
    } else if (c.place == Place::mini) {
        // A connect() that takes over a TIME_WAIT is seen before the mini-socket's timer is
        // cancelled.
        table_.forget_tuple(c);
    } else {
        ++totals_.unexpected;
        give_up(c);
    }
}

} // namespace tcpdwell::track

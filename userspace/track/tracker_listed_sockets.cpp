// SPDX-License-Identifier: Apache-2.0
// What is learnt besides events: sockets that exist, who holds them, ports, resets, and what was
// lost.
#include <algorithm>

#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

using namespace std::chrono_literals;

/// The tracepoint fires before the state is stored, and a socket stays findable for a moment after
/// its last event: a listing so soon after an event is ignored in favour of the event.
constexpr Nanoseconds kListingSlack = 20ms;

} // namespace

void Tracker::Impl::handle(const event::Reset& e) {
    Connection* c = find_socket(e.sock, e.cookie);
    if (const auto child = children_.find(e.sock);
        child != children_.end() && e.direction == TD_RESET_RECEIVED)
        child->second.reset_received = ResetSeen{e.at, e.reason, e.reply};
    if (!c) return;
    if (c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie) return;
    CloseEvidence& seen = table_.evidence(*c);
    (e.direction == TD_RESET_RECEIVED ? seen.reset_received : seen.reset_sent) =
        ResetSeen{e.at, e.reason, e.reply};
}

void Tracker::Impl::handle(const event::OwnerFound& e) {
    Connection* c = find_socket(e.sock, e.cookie);
    if (!c && e.how == TD_OWNER_ACCEPTED) {
        const auto child = children_.find(e.sock);
        if (child != children_.end()) child->second.accepted_by = e.owner.process;
    }
    if (!c) return;
    if (c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie) return;
    if (e.how == TD_OWNER_ACCEPTED) {
        holders_.erase(c->who.slot);
        note_accepted(*c, e.at);
    }
    if (!e.owner.process) return; // a kernel thread has accepted it
    const std::optional<event::Process> before = c->who.process;
    if (e.how == TD_OWNER_ACCEPTED) {
        c->who.process = e.owner.process;
        c->inherited_owner = false;
    } else if (!c->who.process || c->inherited_owner) {
        c->who.process = e.owner.process;
    }
    if (e.owner.uid) c->who.uid = e.owner.uid;
    if (c->who.process != before) report_learnt(*c, e.at);
}

void Tracker::Impl::handle(const event::PortKnown& e) {
    Connection* c = table_.by_object(e.sock);
    if (!c || c->ended || c->socket != e.sock || c->who.tuple.remote != e.tuple.remote) return;
    if (c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie) return;
    const bool is_late = c->who.tuple.local.port == 0 && !c->birth_held;
    learn_tuple(*c, e.tuple); // reports a birth that has waited for it
    if (is_late) report_learnt(*c, e.at);
}

void Tracker::Impl::handle(const event::LostTotals& e) {
    if (e.before) {
        lost_ = e.total;
        return;
    }
    LostLine line{e.at, 0, {}};
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < lost_.size(); ++i) {
        if (e.total[i] <= lost_[i]) continue;
        line.by_probe[i] = e.total[i] - lost_[i];
        sum += line.by_probe[i];
        lost_[i] = e.total[i];
    }
    if (sum == 0) return;
    note_loss(e.at);
    totals_.lost += sum;
    line.events = sum;
    listener_.on_lost(line);
}

void Tracker::Impl::handle(const event::Gap& e) {
    if (stopped_) settle(*stopped_);
    stopped_.reset();
    if (e.new_run) lost_ = {};
    note_loss(e.until);
    ++totals_.holes;
    listener_.on_lost(LostLine{e.at, std::nullopt, {}});
}

// --- listing

void Tracker::Impl::handle(const event::Snapshot& e) {
    if (e.op == TD_SNAPSHOT_BEGIN) {
        passes_[e.netns] = Pass{++snapshot_, e.at, !passes_.contains(e.netns)};
        return;
    }
    const auto it = passes_.find(e.netns);
    if (it == passes_.end() || !e.complete) return;
    const std::uint32_t number = it->second.number;
    const MonoTime before = it->second.began - kListingSlack;
    members_.visit(e.netns, before, table_, [&](Connection& c) {
        if (c.ended || c.listed_in == number || c.last_event >= before) return;
        if (listed_unnamed_in(c) == number) return;
        const bool is_later = is_after_stop(e.at) && c.loss_epoch == loss_epoch_;
        if (!is_later) give_up(c); // else it may have ended since recording stopped
    });
}

Connection* Tracker::Impl::find_listed(const event::SocketListed& e) {
    if (e.sock == 0 && e.state == tcp::State::LISTEN) return find_listed_listener(e);
    for (Connection* c : {table_.by_object(e.sock), table_.by_tuple(e.netns, e.tuple)}) {
        if (!c || c->who.netns != e.netns) continue;
        if (c->who.cookie != 0 && e.cookie != 0) {
            if (c->who.cookie == e.cookie) return c;
            continue;
        }
        // Another connection has taken the place of one whose end wasn't seen; for a moment both
        // sockets of a hand-over may be listed.
        if (!e.mini && e.sock != 0 && c->place == Place::mini &&
            c->last_event < e.at - kListingSlack)
            continue;
        if (c->who.tuple.local == e.tuple.local && c->who.tuple.remote == e.tuple.remote) return c;
        // A connect() shows no port at its first event; without a cookie its address identifies it.
        const bool unnamed =
            c->birth_held || (c->state == tcp::State::SYN_SENT && c->who.tuple.local.port == 0);
        if (unnamed && c->socket == e.sock && e.sock != 0) return c;
    }
    return nullptr;
}

void Tracker::Impl::handle(const event::SocketListed& e) {
    if (e.state == tcp::State::CLOSE) return;
    if (e.request && e.state != tcp::State::SYN_RECV)
        return; // a damaged record: no request is in another state
    if (is_outdated(e)) return;
    Connection* c = find_listed(e);
    if (c)
        confirm_listed(*c, e);
    else if (!e.sweep && !may_be_later(e) &&
             !(e.sock == 0 ? is_known_otherwise(e) : is_unnamed_child(e)))
        join(e);
}

/// Whether a request or mini-socket has been listed whose place in the kernel's table a connection
/// took since that is known by its events: the kernel looks up many before it lists the first, and
/// a lister may lose its CPU in between.
bool Tracker::Impl::is_outdated(const event::SocketListed& e) {
    if (!e.mini && !e.request) return false;
    const Connection* c = table_.by_tuple(e.netns, e.tuple);
    if (!c || c->ended || c->place != Place::full) return false;
    if (!c->confirmed || c->loss_epoch != loss_epoch_) return false;
    const bool is_other = c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie;
    return e.request || is_other;
}

bool Tracker::Impl::is_unnamed_child(const event::SocketListed& e) const {
    if (e.mini || e.request || e.state != tcp::State::SYN_RECV) return false;
    const auto child = children_.find(e.sock);
    return child != children_.end() && child->second.loss_epoch == loss_epoch_;
}

void Tracker::Impl::confirm_listed(Connection& c, const event::SocketListed& e) {
    const auto pass = passes_.find(e.netns);
    if (!e.sweep && pass != passes_.end()) c.listed_in = pass->second.number;
    if (c.ended) return; // still findable for a moment
    if (e.held == true) note_accepted(c, e.at, false);
    // Without an address several listeners at one port can't be distinguished.
    if (e.sock != 0 || e.state != tcp::State::LISTEN) learn_cookie(c, e.cookie);
    if (e.sock == 0) remember_cookie(c);
    if (!e.mini && !e.request) learn_tuple(c, e.tuple);

    if (e.mini && c.place == Place::mini) {
        if (c.other == 0) table_.set_other(c, e.sock);
        const CloseEvidence& seen = table_.evidence_of(c);
        if (seen.cancelled && seen.cancelled->at < e.at - kListingSlack)
            forget_cancel(c); // its timer has gone on
        // Without a time it adds nothing: the sweeps look for it, and list it with its time.
        const bool dated = e.expires || e.entered;
        if (e.state == tcp::State::TIME_WAIT && (dated || e.sweep || c.loss_epoch != loss_epoch_))
            enter_time_wait_late(c, e.at, e.expires, e.entered);
        if (!e.sweep && c.state == e.state)
            c.loss_epoch = loss_epoch_; // whatever was lost, it wasn't its end
        return;
    }
    if (c.last_event > e.at - kListingSlack) return;
    if (is_after_stop(e.at) && c.loss_epoch == loss_epoch_) return confirm_later(c, e);
    // It may have moved on without our having seen how.
    if (e.mini && c.place == Place::full) {
        mark_gap(c);
        c.place = Place::mini;
        table_.set_other(c, e.sock);
        if (e.state == tcp::State::TIME_WAIT)
            enter_time_wait_late(c, e.at, e.expires, std::nullopt);
        else
            resync_state(c, e.state, e.at);
    } else if (!e.mini && c.state != e.state) {
        if (c.place == Place::request) { // the child: all requests are in one state
            mark_gap(c);
            c.place = Place::full;
            table_.set_socket(c, e.sock);
            table_.set_other(c, 0);
        }
        resync_state(c, e.state, e.at);
    }
    if (!e.sweep) c.loss_epoch = loss_epoch_;
}

void Tracker::Impl::join(const event::SocketListed& e) {
    const auto pass = passes_.find(e.netns);
    // What stands at this address or four-tuple now isn't what we knew there, and its end wasn't
    // seen.
    clear_address(e.sock);
    if (Connection* other = table_.by_tuple(e.netns, e.tuple);
        other && other->last_event < e.at - kListingSlack)
        clear_tuple(*other, tcp::TimeWaitEnd::unknown);

    Connection& c =
        create_existing(e.sock != 0 ? e.sock : e.cookie, e.at, e.netns, e.tuple, e.cookie, e.state);
    if (e.sock == 0) remember_cookie(c);
    if (pass != passes_.end()) c.listed_in = pass->second.number;
    // In the first pass it is older than tracing; later on its birth must have been lost.
    if (pass == passes_.end() || pass->second.first) c.seen = tcp::Seen::joined;
    c.confirmed = false;
    if (e.owner.uid) c.who.uid = e.owner.uid;
    if (e.owner.cgroup != 0) c.who.cgroup = e.owner.cgroup;
    if (e.mini) {
        c.place = Place::mini;
        table_.set_other(c, e.sock);
        c.mini_expires = e.expires;
        // Set for 60 s when TIME_WAIT began; how long a FIN_WAIT2 was to last isn't known.
        if (e.state == tcp::State::TIME_WAIT && e.expires)
            c.begin_state(std::min(*e.expires - 60s, e.at));
    } else if (e.request) {
        c.place = Place::request;
        table_.set_other(c, e.sock);
        const Connection* listener =
            table_.by_object(e.listener); // else it has been guessed by its port
        if (listener && listener->state == tcp::State::LISTEN) {
            c.who.uid = e.owner.uid;
            c.who.cgroup = e.owner.cgroup;
            inherit_owner(c, listener);
        }
    } else {
        table_.set_socket(c, e.sock);
        if (e.held == true) note_accepted(c, e.at, false);
        if (e.held == false && c.who.role == tcp::Role::server) c.accept_known = true;
    }
    report_move(c, std::nullopt, e.state, e.at);
}

} // namespace tcpdwell::track

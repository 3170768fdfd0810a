// SPDX-License-Identifier: Apache-2.0
// Mini-sockets (TIME_WAIT, orphaned FIN_WAIT2), seen from their timers, or from the kernel's
// functions that set them (TD_TIMER_REARM, TD_TIMER_KILL), which are unambiguous.
//
// A cancelled timer means nothing by itself: it is re-armed (a start follows), due (an expiry
// follows), moved to another CPU (a start with the same expiry follows), or its object has been
// killed (nothing follows). Where the kernel stack doesn't show which, the events of the next
// milliseconds do.
#include <algorithm>

#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

using namespace std::chrono_literals;

/// TCP_TIMEWAIT_LEN (include/net/tcp.h): 60 s on every mainline kernel, whatever tcp_fin_timeout
/// says.
constexpr Nanoseconds kTimeWaitLength = 60s;
/// A jiffy is up to 10 ms (HZ=100); two of them and a half are more than any rounding.
constexpr Nanoseconds kJiffySlack = 25ms;
/// A timer of 60 s stands in a bucket of the wheel that is up to 5.1 s long (HZ=100,
/// kernel/time/timer.c); the rest is for a stalled machine.
constexpr Nanoseconds kLatest = 10s;
/// tw_entry_stamp counts milliseconds.
constexpr Nanoseconds kStampSlack = 2ms;

bool names_a_killer(std::uint16_t stack) {
    return (stack & (TD_STACK_DESCHEDULE | TD_STACK_CONNECT | TD_STACK_ABORT | TD_STACK_PURGE)) !=
           0;
}

} // namespace

Connection* Tracker::Impl::find_mini(const event::TimewaitTimer& e) {
    Connection* c = table_.by_object(e.mini);
    if (!c || c->place == Place::request || c->other != e.mini || c->ended) return nullptr;
    const bool same = c->who.tuple.local == e.tuple.local &&
                      c->who.tuple.remote == e.tuple.remote && c->who.netns == e.netns &&
                      (c->who.cookie == 0 || e.cookie == 0 || c->who.cookie == e.cookie);
    if (!same) return nullptr;
    // The same four-tuple again, at the same address: a newer connection's mini-socket.
    if (e.op == TD_TIMER_START && table_.evidence_of(*c).cancelled) {
        const Connection* owner = table_.by_tuple(e.netns, e.tuple);
        if (owner && owner != c) return nullptr;
    }
    return c;
}

Connection& Tracker::Impl::adopt_mini(const event::TimewaitTimer& e) {
    clear_address(e.mini);
    Connection* c = table_.by_tuple(e.netns, e.tuple);
    if (c && c->who.cookie != 0 && e.cookie != 0 && c->who.cookie != e.cookie) c = nullptr;
    // A connect() that takes over a TIME_WAIT is seen before the mini-socket's timer is cancelled;
    // of that one nothing was known.
    Connection* const heir = c && c->state == tcp::State::SYN_SENT &&
                                     c->loss_epoch == loss_epoch_ && e.op != TD_TIMER_START
                                 ? c
                                 : nullptr;
    if (heir) c = nullptr;
    if (c && !c->ended && c->place == Place::full) {
        table_.set_other(*c, e.mini);
        if (e.op != TD_TIMER_START) { // its start was lost
            mark_gap(*c);
            c->place = Place::mini;
        }
        return *c;
    }
    if (c && !c->ended && c->place == Place::mini &&
        c->other == 0) { // listed by a listing without addresses
        table_.set_other(*c, e.mini);
        return *c;
    }
    Connection& fresh = create_existing(e.mini, e.at, e.netns, e.tuple, e.cookie, e.substate);
    table_.set_other(fresh, e.mini);
    if (heir) table_.index_tuple(*heir); // the newer one still owns the four-tuple
    fresh.place = e.op == TD_TIMER_START ? Place::full : Place::mini;
    report_move(fresh, std::nullopt, e.substate, e.at);
    return fresh;
}

void Tracker::Impl::handle(const event::TimewaitTimer& e) {
    Connection* c = find_mini(e);
    // mod_timer_pending() leaves alone what another CPU has just killed.
    if (!c && e.op == TD_TIMER_REARM) return;
    if (!c) c = &adopt_mini(e);
    switch (e.op) {
    case TD_TIMER_START: on_mini_start(*c, e); break;
    case TD_TIMER_REARM: on_mini_rearm(*c, e); break;
    case TD_TIMER_CANCEL:
    case TD_TIMER_KILL: on_mini_cancel(*c, e); break;
    case TD_TIMER_EXPIRE:
        note_event(*c, e.at);
        forget_cancel(*c);
        if (e.substate == tcp::State::TIME_WAIT)
            enter_time_wait_late(*c, e.at, e.expires, e.entered);
        end_mini(*c, e.at, MiniClose{e.substate, true, 0, false, std::nullopt});
        break;
    }
}

void Tracker::Impl::on_mini_start(Connection& c, const event::TimewaitTimer& e) {
    learn_cookie(c, e.cookie);
    if (c.place == Place::full) { // tcp_time_wait() replaces the full socket
        note_event(c, e.at);
        c.place = Place::mini;
        c.mini_started = e.at;
        c.mini_expires = e.expires;
        if (e.substate == tcp::State::FIN_WAIT2) {
            resync_state(c, tcp::State::FIN_WAIT2, e.at);
        } else if (c.state != tcp::State::TIME_WAIT) {
            if (c.state != tcp::State::FIN_WAIT2 && c.state != tcp::State::CLOSING)
                resync_state(c, tcp::State::FIN_WAIT2, e.at);
            move(c, tcp::State::TIME_WAIT, e.at);
        } else if (!c.entry_seen) {
            c.begin_state(e.at);
        }
        return;
    }
    note_event(c, e.at);
    forget_cancel(c);
    if (e.substate == tcp::State::TIME_WAIT && c.state != tcp::State::TIME_WAIT) {
        enter_time_wait_late(c, e.at, e.expires, e.entered);
    } else if (c.state == tcp::State::TIME_WAIT && e.expires && c.mini_expires &&
               *e.expires > *c.mini_expires) {
        // RFC 9293, section 3.10.7.4: "restart the 2 MSL timeout". Without growth it is only the
        // timer's move to another CPU.
        ++table_.evidence(c).restarts;
    }
    c.mini_expires = e.expires;
}

void Tracker::Impl::on_mini_rearm(Connection& c, const event::TimewaitTimer& e) {
    note_event(c, e.at);
    if (c.state == tcp::State::TIME_WAIT) {
        ++table_.evidence(c).restarts;
    } else if (e.substate == tcp::State::TIME_WAIT) { // the peer's FIN, this very moment
        resync_state(c, tcp::State::FIN_WAIT2, e.at);
        move(c, tcp::State::TIME_WAIT, e.at);
    }
    c.mini_expires = e.expires;
}

void Tracker::Impl::on_mini_cancel(Connection& c, const event::TimewaitTimer& e) {
    const bool lost_before = c.loss_epoch != loss_epoch_;
    note_event(c, e.at);
    c.uncertain = lost_before;
    table_.evidence(c).cancelled =
        TimerCancel{e.at, e.substate, e.expires, e.entered, e.stack, e.op == TD_TIMER_KILL};
    if (names_a_killer(e.stack))
        resolve_cancel(c, std::nullopt);
    else
        schedule_check(c, e.at + kSettle);
}

void Tracker::Impl::resolve_cancel(Connection& c, std::optional<tcp::TimeWaitEnd> follower) {
    const TimerCancel cancel = *table_.evidence_of(c).cancelled;
    if (!follower) { // a connect() with a port of its own takes the four-tuple first, and then
                     // kills the TIME_WAIT
        const Connection* heir = table_.by_tuple(c.who.netns, c.who.tuple);
        if (heir && heir != &c && !heir->ended)
            follower = heir->place == Place::request ? tcp::TimeWaitEnd::recycled
                                                     : tcp::TimeWaitEnd::reused;
    }
    if (!follower && is_cancel_undecided(c)) return;
    forget_cancel(c);
    // Nobody is known to have killed it, and what should have followed may be lost, or is missing:
    // it may well live on.
    const bool says_otherwise = (cancel.stack & (TD_STACK_RUN_TIMERS | TD_STACK_MOD_TIMER)) != 0;
    const bool lost = c.loss_epoch != loss_epoch_;
    if (!follower && !cancel.killed && !names_a_killer(cancel.stack) && (lost || says_otherwise)) {
        if (lost) c.seen = tcp::Seen::gap;
        resync_state(c, cancel.substate, cancel.at);
        return;
    }
    if (cancel.substate == tcp::State::TIME_WAIT)
        enter_time_wait_late(c, cancel.at, cancel.expires, cancel.entered);
    end_mini(c, cancel.at, MiniClose{cancel.substate, false, cancel.stack, false, follower});
}

bool Tracker::Impl::is_cancel_undecided(const Connection& c) const {
    const std::optional<TimerCancel>& cancel = table_.evidence_of(c).cancelled;
    if (!cancel || !is_cut_off(cancel->at)) return false;
    // Since when it is in another state, only the timer's start would have shown.
    const bool goes_on = (cancel->stack & TD_STACK_MOD_TIMER) != 0 && c.state == cancel->substate;
    return !goes_on && !cancel->killed && !names_a_killer(cancel->stack);
}

void Tracker::Impl::enter_time_wait_late(Connection& c, MonoTime at,
                                         std::optional<MonoTime> expires,
                                         std::optional<MonoTime> entered) {
    const std::optional<MonoTime> armed =
        expires ? std::optional(*expires - kTimeWaitLength) : std::nullopt;
    if (c.state == tcp::State::TIME_WAIT) {
        // A restart that stayed in the same bucket of the timer wheel fired nothing.
        if (armed && c.entry_seen && *armed > c.entered + kJiffySlack &&
            table_.evidence_of(c).restarts == 0)
            table_.evidence(c).restarts = 1;
        if (expires) c.mini_expires = expires;
        return;
    }
    // The stamp is renewed by the FIN if that segment has a timestamp; the timer is set by it in
    // any case.
    std::optional<MonoTime> began = armed;
    if (entered && c.mini_started && *entered > *c.mini_started + kStampSlack) began = entered;
    resync_state(c, tcp::State::FIN_WAIT2, at);
    if (!c.mini_started)
        c.forget_beginning(); // a jiffy is too coarse for how long FIN_WAIT2 lasted before
    if (began) {
        const MonoTime made = c.mini_started ? *c.mini_started : MonoTime::min();
        const MonoTime earliest = c.entry_seen ? std::max(c.entered, made) : made;
        move(c, tcp::State::TIME_WAIT, std::clamp(*began, std::min(earliest, at), at));
    } else { // HZ isn't known: neither of the two dwells is
        c.forget_beginning();
        move(c, tcp::State::TIME_WAIT, at);
        c.find_in_state(at);
    }
    if (armed && began && *armed > *began + kJiffySlack) table_.evidence(c).restarts = 1;
    c.mini_expires = expires;
}

bool Tracker::Impl::is_overdue(const Connection& c, MonoTime now) {
    return !c.ended && c.place == Place::mini && c.mini_expires && *c.mini_expires + kLatest < now;
}

bool Tracker::Impl::finds_overdue(MonoTime now) {
    for (std::size_t left = table_.slots() / 10 + 1; left > 0 && table_.slots() > 0; --left) {
        looked_at_ = static_cast<Slot>(looked_at_ % table_.slots() + 1);
        const Connection& c = table_[looked_at_];
        if (c.sequence != 0 && is_overdue(c, now)) return true;
    }
    return false;
}

void Tracker::Impl::end_mini(Connection& c, MonoTime at, const MiniClose& close) {
    resync_state(c, close.substate, at);
    move(c, tcp::State::CLOSE, at);
    table_.evidence(c).close = close;
    end(c, at);
}

void Tracker::Impl::forget_cancel(Connection& c) {
    if (c.evidence == 0) return;
    table_.evidence(c).cancelled.reset();
    table_.tidy(c);
}

} // namespace tcpdwell::track

// SPDX-License-Identifier: Apache-2.0
// What is known, as the records of a listing: for a reader that begins at this point.
#include "track/tracker_impl.h"

namespace tcpdwell::track {

ListedSocket Tracker::Impl::listed(const Connection& c, MonoTime now) const {
    ListedSocket known{};
    event::SocketListed& socket = known.socket;
    socket.at = now;
    socket.netns = c.who.netns;
    socket.sock = c.place == Place::full ? c.socket : c.other;
    socket.cookie = c.who.cookie;
    socket.tuple = c.who.tuple;
    socket.state = c.state;
    socket.mini = c.place == Place::mini;
    socket.request = c.place == Place::request;
    socket.owner.uid = c.who.uid;
    socket.owner.cgroup = c.who.cgroup;
    if (socket.mini) {
        socket.expires = c.mini_expires;
        socket.entered = c.since();
    }
    if (socket.request)
        if (const Connection* listener = table_.listener_for(c.who.netns, c.who.tuple.local))
            socket.listener = listener->socket;
    known.process = c.who.process;
    if (socket.sock != 0 && c.place == Place::full) add_details(c, now, known);

    const CloseEvidence& evidence = table_.evidence_of(c);
    if (evidence.cancelled) {
        const TimerCancel& stop = *evidence.cancelled;
        known.pending = event::TimewaitTimer{
            stop.at,       c.who.netns,  c.other,
            c.who.cookie,  c.who.tuple,  stop.killed ? TD_TIMER_KILL : TD_TIMER_CANCEL,
            stop.substate, stop.expires, stop.entered,
            stop.stack};
    } else if (evidence.request_stopped) {
        const td_timer_op op = evidence.request_expired ? TD_TIMER_EXPIRE : TD_TIMER_CANCEL;
        known.pending = event::RequestTimer{
            *evidence.request_stopped, c.who.netns, c.other, socket.listener, c.who.tuple, op, 0,
            evidence.request_stack};
    }
    return known;
}

void Tracker::Impl::add_details(const Connection& c, MonoTime now, ListedSocket& known) const {
    if (c.accept_known && !c.ended) known.socket.held = c.accepted;
    if (const SocketDetails* details = table_.details_of(c)) {
        known.numbers =
            event::NumbersRead{now,     c.who.netns,  c.socket,         c.who.cookie,
                               c.state, std::nullopt, details->backlog, details->numbers};
    }
    if (const Holders* holders = holders_of(c))
        known.holders = event::HoldersFound{
            now, c.socket, c.who.cookie, holders->count, holders->processes, holders->partial};
}

void Tracker::Impl::for_each_listed(MonoTime now,
                                    const std::function<void(const ListedSocket&)>& visit) const {
    const std::vector<Slot> all = table_.in_order();
    for (const bool listeners : {true, false})
        for (const Slot slot : all) {
            const Connection& c = table_[slot];
            if (!c.ended && (c.state == tcp::State::LISTEN) == listeners) visit(listed(c, now));
        }
}

} // namespace tcpdwell::track

// SPDX-License-Identifier: Apache-2.0
// Which event belongs to which connection, by linear search.
#include "naive_tracker.h"

#include <algorithm>

namespace tcpdwell::test {
namespace {

bool same_place(const tcp::FourTuple& a, const tcp::FourTuple& b) {
    return a.local == b.local && a.remote == b.remote;
}

} // namespace

template <class Predicate>
NaiveConnection* NaiveTracker::newest(Predicate predicate) {
    const auto found = std::find_if(strands_.rbegin(), strands_.rend(), predicate);
    return found == strands_.rend() ? nullptr : &*found;
}

NaiveConnection& NaiveTracker::begin(std::size_t i, std::uint32_t netns,
                                     const tcp::FourTuple& tuple) {
    strands_.push_back(NaiveConnection{{i}, netns, tuple});
    return strands_.back();
}

void NaiveTracker::assign(std::size_t i, const event::StateChange& e) {
    if (e.from == tcp::State::CLOSE && e.to == tcp::State::CLOSE) return;
    if (e.from == tcp::State::CLOSE) {
        NaiveConnection& strand = begin(i, e.netns, e.tuple);
        strand.sock = e.sock;
        strand.listener = e.to == tcp::State::LISTEN;
        return;
    }
    if (e.from == tcp::State::LISTEN && e.to == tcp::State::SYN_RECV) {
        newborn_.push_back(i);
        return;
    }
    NaiveConnection* strand = newest([&](const NaiveConnection& s) { return s.sock == e.sock; });
    if (!strand) { // its first sign since LISTEN -> SYN_RECV
        strand = newest([&](const NaiveConnection& s) {
            return s.request != 0 && s.netns == e.netns && same_place(s.tuple, e.tuple);
        });
        const bool dropped =
            strand && e.to == tcp::State::CLOSE; // the request goes on and may get another child
        if (!strand) {
            strand = &begin(i, e.netns, e.tuple);
            strand->events.clear();
        }
        std::erase_if(newborn_, [&](std::size_t n) {
            const auto* birth = std::get_if<event::StateChange>(&events_[n]);
            const auto* owner = std::get_if<event::OwnerFound>(&events_[n]);
            if ((birth ? birth->sock : owner->sock) != e.sock) return false;
            if (!dropped) strand->events.push_back(n);
            return true;
        });
        if (dropped) return;
        strand->sock = e.sock;
        strand->request = 0;
    }
    strand->events.push_back(i);
    if (strand->tuple.local.port == 0) strand->tuple = e.tuple;
    if (e.to != tcp::State::CLOSE) return;
    strand->last_sock = e.sock;
    strand->sock_closed = e.at;
    strand->sock = 0;
}

bool mini_dies(const std::vector<event::Event>& stream, std::size_t i) {
    const auto& cancel = std::get<event::TimewaitTimer>(stream[i]);
    if (cancel.op == TD_TIMER_KILL) return true;
    if ((cancel.stack & (TD_STACK_RUN_TIMERS | TD_STACK_MOD_TIMER)) != 0) return false;
    if ((cancel.stack & (TD_STACK_DESCHEDULE | TD_STACK_PURGE)) != 0) return true;
    for (std::size_t k = i + 1; k < stream.size(); ++k) {
        if (const auto* timer = std::get_if<event::TimewaitTimer>(&stream[k])) {
            if (timer->mini != cancel.mini) continue;
            return timer->at > cancel.at + kExplained || !same_place(timer->tuple, cancel.tuple) ||
                   timer->netns != cancel.netns;
        }
        const auto* change = std::get_if<event::StateChange>(
            &stream[k]); // of a newer connection between the same ends
        if (change && change->to == tcp::State::ESTABLISHED && change->netns == cancel.netns &&
            same_place(change->tuple, cancel.tuple))
            return true;
    }
    return true;
}

void NaiveTracker::assign(std::size_t i, const event::TimewaitTimer& e) {
    const auto same_tuple = [&](const NaiveConnection& s) {
        return s.netns == e.netns && same_place(s.tuple, e.tuple);
    };
    NaiveConnection* strand =
        newest([&](const NaiveConnection& s) { return s.mini == e.mini && same_tuple(s); });
    if (!strand)
        strand = newest([&](const NaiveConnection& s) { return s.sock != 0 && same_tuple(s); });
    strand->events.push_back(i);
    strand->mini = e.mini;
    if (e.op == TD_TIMER_EXPIRE ||
        ((e.op == TD_TIMER_CANCEL || e.op == TD_TIMER_KILL) && mini_dies(events_, i)))
        strand->mini = 0;
}

bool NaiveTracker::request_goes_on(std::size_t i) const {
    const auto& stopped = std::get<event::RequestTimer>(events_[i]);
    for (std::size_t k = i + 1; k < events_.size(); ++k) {
        const auto* timer = std::get_if<event::RequestTimer>(&events_[k]);
        if (timer && timer->request == stopped.request)
            return timer->at <= stopped.at + kExplained &&
                   same_place(timer->tuple, stopped.tuple) && timer->netns == stopped.netns;
    }
    return false;
}

void NaiveTracker::assign(std::size_t i, const event::RequestTimer& e) {
    NaiveConnection* strand = newest([&](const NaiveConnection& s) {
        return s.request == e.request && s.netns == e.netns && same_place(s.tuple, e.tuple);
    });
    if (strand) {
        strand->events.push_back(i);
    } else if (e.op == TD_TIMER_START) {
        strand = &begin(i, e.netns, e.tuple);
        strand->request = e.request;
    } else {
        return;
    }
    // At the third ACK the timer stops before the child shows its peer: then the request is needed
    // a moment longer.
    const bool child_comes = std::any_of(newborn_.begin(), newborn_.end(), [&](std::size_t n) {
        const auto* birth = std::get_if<event::StateChange>(&events_[n]);
        return birth && birth->at >= e.at - kExplained && birth->netns == e.netns &&
               birth->tuple.local.port == e.tuple.local.port;
    });
    if (e.op != TD_TIMER_START && !child_comes && !request_goes_on(i)) strand->request = 0;
}

void NaiveTracker::assign(std::size_t i, const event::Reset& e) {
    for (const std::size_t n : newborn_) // the address is a child's by now
        if (const auto* birth = std::get_if<event::StateChange>(&events_[n]);
            birth && birth->sock == e.sock)
            return;
    NaiveConnection* strand = newest([&](const NaiveConnection& s) {
        return s.sock == e.sock || s.mini == e.sock ||
               (s.last_sock == e.sock && e.at <= s.sock_closed + kExplained);
    });
    if (strand) strand->events.push_back(i);
}

void NaiveTracker::assign(std::size_t i, const event::StrayReset& e) {
    NaiveConnection* strand = newest([&](const NaiveConnection& s) {
        return s.request != 0 && s.netns == e.netns && same_place(s.tuple, e.tuple);
    });
    if (strand) strand->events.push_back(i);
}

void NaiveTracker::assign(std::size_t i, const event::OwnerFound& e) {
    NaiveConnection* strand = newest([&](const NaiveConnection& s) { return s.sock == e.sock; });
    if (strand)
        strand->events.push_back(i);
    else
        newborn_.push_back(i);
}

void NaiveTracker::assign(std::size_t i, const event::PortKnown& e) {
    NaiveConnection* strand = newest([&](const NaiveConnection& s) { return s.sock == e.sock; });
    if (!strand) return;
    strand->events.push_back(i);
    strand->tuple = e.tuple;
}

void NaiveTracker::assign(std::size_t i, const event::SocketListed& e) {
    NaiveConnection* strand = newest([&](const NaiveConnection& s) { return s.mini == e.sock; });
    if (strand && e.sweep) strand->events.push_back(i);
}

std::vector<synth::Outcome> NaiveTracker::tell() {
    for (std::size_t i = 0; i < events_.size(); ++i)
        std::visit([&](const auto& e) { assign(i, e); }, events_[i]);
    std::vector<synth::Outcome> outcomes;
    for (const NaiveConnection& strand : strands_) {
        std::optional<event::Owner> inherited;
        const NaiveConnection* listener = newest([&](const NaiveConnection& s) {
            return s.listener && s.netns == strand.netns &&
                   s.tuple.local.port == strand.tuple.local.port &&
                   s.events.front() < strand.events.front() &&
                   s.events.back() > strand.events.front();
        });
        if (listener)
            inherited = std::get<event::StateChange>(events_[listener->events.front()]).owner;
        outcomes.push_back(read_story(events_, strand, inherited));
    }
    return outcomes;
}

} // namespace tcpdwell::test

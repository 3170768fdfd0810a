// SPDX-License-Identifier: Apache-2.0
// Listings without kernel addresses (sock_diag): their sockets are recognised by four-tuple and
// cookie, and known by them until an event shows the address. Where a listing can be read in two
// ways, the one that adds no connection is taken.
#include <algorithm>

#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

/// Below that, nobody looks for those of connections that are gone.
constexpr std::size_t kCookiesAtLeast = 1024;

std::uint32_t ports_of(const tcp::FourTuple& tuple) {
    return std::uint32_t{tuple.local.port} << 16 | tuple.remote.port;
}

} // namespace

void Tracker::Impl::remember_cookie(const Connection& c) {
    if (c.who.cookie == 0) return;
    if (by_cookie_.size() >= 2 * table_.size() + kCookiesAtLeast) forget_released_cookies();
    by_cookie_[c.who.cookie] = Reference{c.who.slot, c.sequence};
}

Connection* Tracker::Impl::find_by_cookie(std::uint64_t cookie) {
    const auto it = cookie == 0 ? by_cookie_.end() : by_cookie_.find(cookie);
    if (it == by_cookie_.end()) return nullptr;
    Connection* c = table_.find(it->second.slot, it->second.sequence);
    return c && c->who.cookie == cookie ? c : nullptr;
}

void Tracker::Impl::forget_released_cookies() {
    std::erase_if(by_cookie_, [this](const auto& each) {
        return table_.find(each.second.slot, each.second.sequence) == nullptr;
    });
}

Connection* Tracker::Impl::find_listed_listener(const event::SocketListed& e) {
    const auto pass = passes_.find(e.netns);
    Connection* known = nullptr;
    for (const auto& [number, c] : table_.listeners_at(e.netns, e.tuple.local)) {
        if (c->ended) continue;
        if (c->who.cookie == e.cookie) return c;
        // Of several at one port (SO_REUSEPORT) each is confirmed by one of those that are listed.
        const bool free = pass == passes_.end() || c->listed_in != pass->second.number;
        if (free && (c->who.cookie == 0 || e.cookie == 0)) known = c;
    }
    return known;
}

bool Tracker::Impl::is_known_otherwise(const event::SocketListed& e) {
    if (e.mini || e.request) return has_just_ended(e);
    // It may be the child of TCP Fast Open whose birth has been seen, and that its next event makes
    // a connection of.
    if (e.state == tcp::State::SYN_RECV) {
        const bool waiting =
            std::any_of(children_.begin(), children_.end(), [this](const auto& child) {
                return child.second.loss_epoch == loss_epoch_;
            });
        if (waiting) return true;
    }
    if (e.state == tcp::State::SYN_SENT && confirm_unnamed(e)) return true;
    return has_just_ended(e);
}

bool Tracker::Impl::has_just_ended(const event::SocketListed& e) {
    if (just_ended_at_ != e.at) { // one piece of a listing has one time
        just_ended_at_ = e.at;
        just_ended_.clear();
        for (const Deadline& deadline : settling_)
            if (const Connection* c = table_.find(deadline.slot, deadline.sequence); c && c->ended)
                just_ended_.emplace(ports_of(c->who.tuple), c->who.slot);
    }
    const auto [first, last] = just_ended_.equal_range(ports_of(e.tuple));
    return std::any_of(first, last, [&](const auto& each) {
        const ConnectionIdentity& who = table_[each.second].who;
        return who.netns == e.netns && who.tuple.local == e.tuple.local &&
               who.tuple.remote == e.tuple.remote && (who.cookie == 0 || who.cookie == e.cookie);
    });
}

bool Tracker::Impl::confirm_unnamed(const event::SocketListed& e) {
    const auto pass = passes_.find(e.netns);
    bool found = false;
    for (const Slot slot : table_.in_order()) {
        Connection& c = table_[slot];
        if (c.ended || c.state != tcp::State::SYN_SENT || c.who.tuple.local.port != 0 ||
            c.who.netns != e.netns || c.who.tuple.remote != e.tuple.remote)
            continue;
        if (pass != passes_.end()) c.listed_in = pass->second.number;
        found = true;
    }
    return found;
}

} // namespace tcpdwell::track

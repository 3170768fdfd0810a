// SPDX-License-Identifier: Apache-2.0
// Listings without kernel addresses (sock_diag): their sockets are recognised by four-tuple and
// cookie, and known by them until an event shows the address. Where a listing can be read in two
// ways, the one that adds no connection is taken.
#include <algorithm>
#include <iterator>

#include "track/tracker_impl.h"

namespace tcpdwell::track {
namespace {

/// Below that, nobody looks for those of connections that are gone.
constexpr std::size_t kForgottenAtLeast = 1024;
/// No four-tuple ends more often within kSettle.
constexpr std::size_t kMostAlike = 64;

/// Whether most of what is known by other things than its slot is of connections that are gone.
bool is_mostly_gone(std::size_t known, std::size_t there) {
    return known >= 2 * there + kForgottenAtLeast;
}

} // namespace

void Tracker::Impl::remember_cookie(const Connection& c) {
    if (c.who.cookie == 0) return;
    if (is_mostly_gone(by_cookie_.size(), table_.size())) forget_released_cookies();
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
    if (e.state == tcp::State::SYN_RECV && current_children_ > 0) return true;
    if (e.state == tcp::State::SYN_SENT && confirm_unnamed(e)) return true;
    return has_just_ended(e);
}

bool Tracker::Impl::has_just_ended(const event::SocketListed& e) {
    for (; unread_settling_ > 0; --unread_settling_) {
        const Deadline& deadline = settling_[settling_.size() - unread_settling_];
        if (const Connection* c = table_.find(deadline.slot, deadline.sequence); c && c->ended)
            just_ended_.emplace(hash_of(c->who.netns, c->who.tuple),
                                Reference{deadline.slot, deadline.sequence});
    }
    if (is_mostly_gone(just_ended_.size(), settling_.size()))
        std::erase_if(just_ended_, [this](const auto& each) { return !find(each.second); });
    const auto [first, last] = just_ended_.equal_range(hash_of(e.netns, e.tuple));
    std::size_t left = kMostAlike;
    return std::any_of(first, last, [&](const auto& each) {
        const Connection* c = left > 0 ? find(each.second) : nullptr;
        left -= left > 0;
        return c && c->who.netns == e.netns && c->who.tuple.local == e.tuple.local &&
               c->who.tuple.remote == e.tuple.remote &&
               (c->who.cookie == 0 || c->who.cookie == e.cookie);
    });
}

bool Tracker::Impl::is_unnamed(const Connection& c) {
    return !c.ended && c.state == tcp::State::SYN_SENT && c.who.tuple.local.port == 0;
}

void Tracker::Impl::remember_unnamed(const Connection& c) {
    if (is_mostly_gone(new_unnamed_.size(), table_.size()))
        std::erase_if(new_unnamed_, [this](const Reference& each) { return !find_unnamed(each); });
    new_unnamed_.push_back(Reference{c.who.slot, c.sequence});
}

void Tracker::Impl::sort_unnamed() {
    for (const Reference& each : new_unnamed_)
        if (const Connection* c = find_unnamed(each)) {
            unnamed_[{c->who.netns, c->who.tuple.remote}].connects.push_back(each);
            ++sorted_unnamed_;
        }
    new_unnamed_.clear();
    if (!is_mostly_gone(sorted_unnamed_, table_.size())) return;
    sorted_unnamed_ = 0;
    for (auto place = unnamed_.begin(); place != unnamed_.end();) {
        auto& connects = place->second.connects;
        std::erase_if(connects, [this](const Reference& each) { return !find_unnamed(each); });
        sorted_unnamed_ += connects.size();
        place = connects.empty() ? unnamed_.erase(place) : std::next(place);
    }
}

std::uint32_t Tracker::Impl::listed_unnamed_in(const Connection& c) const {
    if (unnamed_.empty() || !is_unnamed(c)) return 0;
    const auto place = unnamed_.find({c.who.netns, c.who.tuple.remote});
    return place == unnamed_.end() ? 0 : place->second.listed_in;
}

bool Tracker::Impl::confirm_unnamed(const event::SocketListed& e) {
    sort_unnamed();
    const auto place = unnamed_.find({e.netns, e.tuple.remote});
    if (place == unnamed_.end()) return false;
    std::vector<Reference>& connects = place->second.connects;
    while (!connects.empty() && !find_unnamed(connects.back())) {
        connects.pop_back();
        --sorted_unnamed_;
    }
    if (connects.empty()) {
        unnamed_.erase(place);
        return false;
    }
    const auto pass = passes_.find(e.netns);
    if (pass != passes_.end()) place->second.listed_in = pass->second.number;
    return true;
}

} // namespace tcpdwell::track

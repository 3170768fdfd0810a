// SPDX-License-Identifier: Apache-2.0
#include "analysis/open_sockets.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

constexpr std::size_t kIds = 5;

bool is_of_interest(tcp::State state) {
    switch (state) {
    case tcp::State::SYN_SENT:
    case tcp::State::FIN_WAIT2:
    case tcp::State::CLOSE_WAIT:
    case tcp::State::LAST_ACK:
    case tcp::State::CLOSING: return true;
    default: return false;
    }
}

} // namespace

OpenSockets::OpenSockets(const Thresholds& thresholds) {
    const auto set = [&](tcp::State state, std::string_view name) {
        old_from_[state] = thresholds.duration(name);
    };
    set(tcp::State::CLOSE_WAIT, "close_wait_leak.age");
    set(tcp::State::SYN_SENT, "connects_unanswered.age");
    set(tcp::State::LAST_ACK, "closing_stuck.age");
    set(tcp::State::CLOSING, "closing_stuck.age");
}

void OpenSockets::begin_live(MonoTime now) {
    now_ = now;
    holdings_.clear();
}

void OpenSockets::on_live(const track::LiveSocket& socket) {
    if (!is_of_interest(socket.state)) return;
    const std::uint32_t pid = socket.who.process ? socket.who.process->pid : 0;
    HeldSockets& holding = holdings_[Key{socket.state, socket.who.netns, pid}];
    holding.state = socket.state;
    holding.netns = socket.who.netns;
    holding.process = socket.who.process;
    ++holding.sockets;
    const Nanoseconds age =
        std::max(now_ - socket.since.value_or(socket.known_since), Nanoseconds(0));
    if (age >= holding.oldest) {
        holding.oldest = age;
        holding.oldest_is_exact = socket.since.has_value();
        holding.oldest_tuple = socket.who.tuple;
    }
    if (age < old_from_[socket.state]) return;
    ++holding.old;
    if (holding.ids.size() < kIds) holding.ids.push_back(socket.who.id);
    const tcp::IpAddress& host = socket.who.tuple.remote.address;
    if (holding.hosts.size() < HeldSockets::kMaxHosts || holding.hosts.contains(host))
        ++holding.hosts[host];
}

std::vector<const HeldSockets*> OpenSockets::in(tcp::State state) const {
    std::vector<const HeldSockets*> found;
    for (const auto& [key, holding] : holdings_)
        if (holding.state == state) found.push_back(&holding);
    std::stable_sort(found.begin(), found.end(),
                     [](const HeldSockets* a, const HeldSockets* b) { return a->old > b->old; });
    return found;
}

} // namespace tcpdwell::analysis

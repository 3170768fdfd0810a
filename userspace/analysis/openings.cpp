// SPDX-License-Identifier: Apache-2.0
#include "analysis/openings.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

/// The first SYN is sent again after TCP_TIMEOUT_INIT, 1 s, by a timer that counts jiffies.
constexpr Nanoseconds kSentAgain = std::chrono::milliseconds(950);
/// Between two ends on one host a handshake takes microseconds.
constexpr Nanoseconds kHandshakeAtOnce = std::chrono::milliseconds(10);

bool is_handshake(tcp::State state) {
    return state == tcp::State::SYN_SENT || state == tcp::State::SYN_RECV;
}

/// What is known of a connection's beginning.
struct Opening {
    bool began = false;   ///< in the time that was traced
    bool is_exact = true; ///< the length of the handshake is known
    Nanoseconds took{};   ///< at least
    bool established = false;
};

Opening opening_of(std::span<const track::PathStep> steps) {
    Opening opening;
    for (const track::PathStep& step : steps) {
        if (is_handshake(step.state)) {
            opening.began = true;
            opening.is_exact = opening.is_exact && step.dwell.has_value();
            opening.took += step.dwell.value_or(step.at_least);
        } else if (step.state != tcp::State::CLOSE) {
            opening.established = true;
        }
    }
    return opening;
}

Openings judge(const Opening& opening, tcp::Role role, tcp::Seen seen,
               const event::SocketNumbers* numbers, Weight weight) {
    const bool is_client = role == tcp::Role::client;
    const bool went_through = opening.established && opening.took < kHandshakeAtOnce &&
                              (opening.began ? opening.is_exact : seen == tcp::Seen::joined);
    // What a client sends before the listener has taken its ACK is sent again.
    const bool all_arrived =
        !is_client || (numbers != nullptr && numbers->segments_retransmitted.value_or(1) == 0);
    const auto count = [weight](bool yes) { return yes ? weight : 0; };
    return {weight, count(opening.established), count(is_client && opening.took >= kSentAgain),
            count(!went_through || !all_arrived)};
}

} // namespace

Openings& Openings::operator+=(const Openings& other) {
    all += other.all;
    established += other.established;
    delayed += other.delayed;
    unclear += other.unclear;
    return *this;
}

OpeningTally::Sums* OpeningTally::sums_of(const track::ConnectionIdentity& who) {
    const bool is_client = who.role == tcp::Role::client;
    if (!is_client && who.role != tcp::Role::server) return nullptr;
    Map& map = is_client ? tried_ : served_;
    Key key;
    if (is_client) {
        key = {who.tuple.remote.address.is_loopback() ? who.netns : 0, who.tuple.remote};
    } else {
        const ServiceKey service = flows_.service_key(who);
        key = {service.netns, service.local};
    }
    if (const auto known = map.find(key); known != map.end()) return &known->second;
    if (map.size() < Flows::kMaxGroups) return &map[key];
    is_complete_ = false;
    return nullptr;
}

void OpeningTally::on_connection(const track::ConnectionLine& line, Weight weight) {
    if (line.ending == tcp::Ending::open) return;
    if (Sums* sums = sums_of(*line.who))
        sums->ended +=
            judge(opening_of(line.states), line.who->role, line.seen, line.numbers, weight);
}

void OpeningTally::begin_live(MonoTime now) {
    now_ = now;
    for (Map* map : {&served_, &tried_})
        for (auto& [key, sums] : *map) sums.live = {};
}

void OpeningTally::on_live(const track::LiveSocket& socket, Weight weight) {
    if (socket.state == tcp::State::LISTEN) return;
    Sums* sums = sums_of(socket.who);
    if (!sums) return;
    Opening opening = opening_of(socket.left);
    if (is_handshake(socket.state)) {
        opening.began = true;
        opening.took += std::max(now_ - socket.known_since, Nanoseconds(0));
    } else {
        opening.established = true;
    }
    sums->live += judge(opening, socket.who.role, socket.seen, socket.numbers, weight);
}

void OpeningTally::next_interval() {
    served_.clear();
    tried_.clear();
    is_complete_ = true;
}

Openings OpeningTally::sum(const Map& map, const Key& key) {
    const auto found = map.find(key);
    if (found == map.end()) return {};
    Openings all = found->second.ended;
    return all += found->second.live;
}

Openings OpeningTally::served(std::uint32_t netns, const tcp::Endpoint& listener) const {
    return sum(served_, {netns, listener});
}

Openings OpeningTally::tried(std::uint32_t netns, const tcp::Endpoint& at) const {
    return sum(tried_, {at.address.is_loopback() ? netns : 0, at});
}

} // namespace tcpdwell::analysis

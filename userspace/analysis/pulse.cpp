// SPDX-License-Identifier: Apache-2.0
#include "analysis/pulse.h"

#include <algorithm>
#include <utility>

namespace tcpdwell::analysis {
namespace {

bool is_opening(tcp::State state) {
    return state == tcp::State::SYN_SENT || state == tcp::State::SYN_RECV;
}

} // namespace

void Pulse::advance_to(MonoTime now) {
    if (now < ends_) return;
    const std::int64_t over = 1 + time_between(ends_, now) / step_;
    for (std::int64_t i = 0; i < over && i <= static_cast<std::int64_t>(kMostSteps); ++i) {
        steps_.push_back(present_);
        if (steps_.size() > kMostSteps) steps_.pop_front();
        const auto sockets = present_.sockets;
        present_ = {};
        present_.sockets = sockets;
    }
    ends_ = shifted(now, step_ - time_between(ends_, now) % step_);
}

void Pulse::on_move(const track::StateMove& move) {
    advance_to(move.at);
    const Weight weight = weight_of(*move.who);
    if (move.from) present_.sockets[*move.from] -= std::min(present_.sockets[*move.from], weight);
    if (move.to) present_.sockets[*move.to] += weight;
}

void Pulse::on_transition(const track::TransitionLine& line) {
    // From SYN_RECV a connection may go on without having been in ESTABLISHED.
    const bool opens = is_opening(line.from) && !is_opening(line.to) && has_connection(line.to);
    const bool was_open = line.from == tcp::State::ESTABLISHED || opens;
    if (opens) present_.opened += weight_of(*line.who);
    if (was_open && line.to != tcp::State::ESTABLISHED) present_.closed += weight_of(*line.who);
}

void Pulse::on_connection(const track::ConnectionLine& line) {
    if (line.evicted) return;
    switch (line.ending) {
    case tcp::Ending::reset_sent:
    case tcp::Ending::reset_received: present_.reset += weight_of(*line.who); break;
    case tcp::Ending::refused:
    case tcp::Ending::connect_failed:
    case tcp::Ending::handshake_failed: present_.failed += weight_of(*line.who); break;
    case tcp::Ending::fin:
    case tcp::Ending::timed_out:
    case tcp::Ending::fin_wait2_expired:
    case tcp::Ending::dropped_silently:
    case tcp::Ending::open:
    case tcp::Ending::unknown: break;
    }
}

void Pulse::on_lost(const track::LostLine& line) { present_.lost += line.events.value_or(0); }

void Pulse::on_counters(const track::CountersLine& line) {
    for (const auto& counter : line.counters) {
        if (counter.name != "Tcp.RetransSegs") continue;
        const Reading now{line.at, counter.value, 0};
        const auto [known, is_first] = readings_.try_emplace(line.netns, now);
        const Reading before = std::exchange(known->second, now);
        // Less than before: another namespace has got the number.
        if (is_first || counter.value < before.retransmitted || line.at <= before.at) continue;
        const std::uint64_t growth = counter.value - before.retransmitted;
        const Nanoseconds since = line.at - before.at;
        known->second.per_second =
            static_cast<double>(growth) / std::chrono::duration<double>(since).count();
        spread(growth, since);
    }
}

void Pulse::spread(std::uint64_t retransmitted, Nanoseconds over) {
    const auto steps =
        std::min(steps_.size(), static_cast<std::size_t>(std::max<std::int64_t>(over / step_, 0)));
    std::uint64_t given = 0;
    for (std::size_t i = 0; i < steps; ++i) {
        const std::uint64_t until = retransmitted * (i + 1) / steps;
        steps_[steps_.size() - steps + i].retransmitted += until - given;
        given = until;
    }
    present_.retransmitted += retransmitted - given;
}

double Pulse::retransmitted_per_second() const {
    double sum = 0;
    for (const auto& [netns, reading] : readings_) sum += reading.per_second;
    return sum;
}

} // namespace tcpdwell::analysis

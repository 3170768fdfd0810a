// SPDX-License-Identifier: Apache-2.0
#include "analysis/silence.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kLeastTimer = 200ms;
constexpr Nanoseconds kMostTimer = 120s;
/// TCP_KEEPINTVL is in seconds.
constexpr Nanoseconds kLeastProbe = 1s;
constexpr Nanoseconds kLeastWindow = 1s;
/// Less is a pause between two requests, and nothing on the way forgets so soon.
constexpr Nanoseconds kLeastIdle = 2s;

/// Of retransmitted data. Timers are late by an eighth at most, and a tail loss probe may have gone
/// out before the first of them.
void note_retransmitted(Silence& silence, const event::SocketNumbers& n) {
    const Nanoseconds since_sent = std::chrono::milliseconds(*n.since_sent_ms);
    const Nanoseconds least = retransmitted_for(n);
    silence.until = silence.end - since_sent;
    silence.from = silence.until - least;
    if (silence.from < silence.heard) {
        // Something else came meanwhile. Or this host had no way to send it when it was to be
        // retransmitted, and it went out long before.
        silence.from = silence.heard;
        if (silence.until - silence.from < kLeastWindow) silence.until = silence.heard;
        return;
    }
    const Nanoseconds most_idle = silence.from - silence.heard;
    const Nanoseconds least_idle = most_idle - least / 8 - kLeastTimer;
    if (least_idle >= kLeastIdle) silence.idle = (most_idle + least_idle) / 2;
}

} // namespace

bool is_closing(tcp::State state) {
    return state == tcp::State::FIN_WAIT1 || state == tcp::State::LAST_ACK ||
           state == tcp::State::CLOSING;
}

bool is_unanswered(const track::LiveSocket& socket) {
    const event::SocketNumbers* n = socket.numbers;
    if (n == nullptr || !n->since_received_ms) return false;
    if (is_closing(socket.state)) return n->unacked.value_or(0) > 0 && n->timeouts > 0;
    if (socket.state != tcp::State::ESTABLISHED && socket.state != tcp::State::CLOSE_WAIT)
        return false;
    if (n->unacked.value_or(0) > 0) return n->timeouts > 0;
    // Data that this host itself drops on its way out (tcp_write_xmit()) stays unsent, and is sent
    // as probes to a window that isn't 0.
    return n->probes > 1 && (n->unsent.value_or(0) == 0 || n->peer_window.value_or(0) > 0);
}

Nanoseconds retransmitted_for(const event::SocketNumbers& numbers) {
    Nanoseconds all{0};
    Nanoseconds timer = kLeastTimer;
    for (int i = 0; i < numbers.timeouts; ++i) {
        all += timer;
        timer = std::min(timer * 2, kMostTimer);
    }
    return all;
}

namespace {

/// A server that doesn't get the last ACK of the handshake repeats its SYN-ACK, whatever else is
/// sent.
std::uint32_t handshake_repeats(const track::ConnectionIdentity& who,
                                const event::SocketNumbers& n) {
    const OptionalNumber<std::uint64_t> none = 0;
    if (who.role != tcp::Role::client || n.bytes_acked != none || n.bytes_received != none ||
        n.unacked.value_or(0) == 0 || !n.segments_received)
        return 0;
    return std::max(*n.segments_received, 1u) - 1;
}

} // namespace

std::optional<Silence> silence_of(const track::ConnectionIdentity& who,
                                  const event::SocketNumbers& numbers, MonoTime at, bool is_over) {
    if (!numbers.since_received_ms) return std::nullopt;
    const Nanoseconds since_received = std::chrono::milliseconds(*numbers.since_received_ms);
    Silence silence{.netns = who.netns, .tuple = who.tuple, .end = at, .is_over = is_over};
    silence.from = silence.until = silence.heard = at - since_received;
    silence.handshake_repeats = handshake_repeats(who, numbers);
    if (!numbers.since_sent_ms) return silence;
    const Nanoseconds since_sent = std::chrono::milliseconds(*numbers.since_sent_ms);
    if (numbers.unacked.value_or(0) > 0) {
        if (numbers.timeouts > 0) note_retransmitted(silence, numbers);
    } else if (numbers.unsent.value_or(0) == 0 && numbers.probes > 0) { // by keepalive
        silence.keepalive_probes = numbers.probes;
        silence.until = at;
        silence.from = std::max(silence.heard, at - numbers.probes * kLeastProbe);
        const Nanoseconds idle = std::min(since_received, since_sent);
        if (idle >= kLeastIdle) silence.idle = idle;
    }
    return silence;
}

} // namespace tcpdwell::analysis

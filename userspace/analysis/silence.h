// SPDX-License-Identifier: Apache-2.0
// How long nothing has come from a peer, and what was sent to it meanwhile.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "event/event.h"
#include "tcp/address.h"
#include "track/tracker.h"

namespace tcpdwell::analysis {

/// Closed here, and the FIN isn't acknowledged: numbers are without it.
bool is_closing(tcp::State state);

/// Whether the peer answers neither data nor probes. One whose window is 0 answers: it doesn't
/// read.
bool is_unanswered(const track::LiveSocket& socket);

/// For how long at least data has been retransmitted before it was for the last time: the timer
/// starts with 200 ms or more, and doubles each time, up to 120 s (TCP_RTO_MIN, TCP_RTO_MAX,
/// tcp_retransmit_timer()).
Nanoseconds retransmitted_for(const event::SocketNumbers& numbers);

/// Of one connection whose peer doesn't answer, or didn't until it ended.
struct Silence {
    std::uint32_t netns = 0;
    tcp::FourTuple tuple;
    MonoTime heard{}; ///< the peer, last
    /// What was sent no later than `from`, and again at `until` or after that, wasn't answered.
    /// Not known where they are the same.
    MonoTime from{};
    MonoTime until{};
    MonoTime end{};       ///< of the connection, or when it was looked at
    bool is_over = false; ///< it has ended
    /// For how long nothing was sent, nor came, before what wasn't answered; 0: not known to be so.
    Nanoseconds idle{};
    /// Of a client that nothing was ever acknowledged to: so many segments came after the SYN-ACK,
    /// without data, which repeats it.
    std::uint32_t handshake_repeats = 0;
    std::uint8_t keepalive_probes = 0; ///< that went unanswered
};

/// By its numbers at a time; nullopt: they don't say when something came last.
std::optional<Silence> silence_of(const track::ConnectionIdentity& who,
                                  const event::SocketNumbers& numbers, MonoTime at, bool is_over);

/// Those of some connections, which stand for all of them.
class Silences {
public:
    static constexpr std::size_t kMost = 64;

    void add(const std::optional<Silence>& silence) {
        if (silence && list_.size() < kMost) list_.push_back(*silence);
    }
    [[nodiscard]] const std::vector<Silence>& list() const { return list_; }

private:
    std::vector<Silence> list_;
};

} // namespace tcpdwell::analysis

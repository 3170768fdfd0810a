// SPDX-License-Identifier: Apache-2.0
// What the tracker keeps of each connection, and, for as long as there is any, of its rarer
// circumstances. There may be a million of these: the order of the fields is the one without gaps,
// and nothing is kept twice.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "track/close_classifier.h"
#include "track/connection.h"
#include "track/optional_time.h"
#include "track/pool.h"

namespace tcpdwell::track {

/// In which kind of kernel object the connection lives now.
enum class Place : std::uint8_t { request, full, mini };

/// The RST that was seen last for a connection, in one direction.
struct ResetSeen {
    MonoTime at;
    td_reset_reason reason;
    bool reply;
};

/// A TIME_WAIT timer that was cancelled, as long as it isn't clear whether it was killed, re-armed
/// or about to expire.
struct TimerCancel {
    MonoTime at;
    tcp::State substate;
    std::optional<MonoTime> expires;
    std::optional<MonoTime> entered;
    std::uint16_t stack;
    bool killed; ///< seen in the kernel's function: nothing follows
};

/// How long each state lasted that has been left, oldest first. No TCP connection passes more than
/// six (SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT1, FIN_WAIT2 or CLOSING, TIME_WAIT), and in
/// TIME_WAIT, where most are, most have left four; what gaps make longer than kLongest isn't kept.
inline constexpr std::size_t kUsualPath = 4;
inline constexpr std::size_t kLongestPath = 8;
inline constexpr std::int64_t kUnknownDwell = -1;

/// A dwell that isn't known, of which a lower bound is: below kUnknownDwell.
constexpr std::int64_t unknown_dwell(Nanoseconds at_least) {
    return kUnknownDwell - at_least.count();
}

/// What few connections have, or none for long. A connection without such a block is one with a
/// fresh block.
struct CloseEvidence {
    std::array<std::int64_t, kLongestPath - kUsualPath>
        more_dwells{}; ///< of the path, behind the usual ones
    std::optional<ResetSeen> reset_received;
    std::optional<ResetSeen> reset_sent;
    std::optional<TimerCancel> cancelled;
    OptionalTime
        request_stopped; ///< the request's timer was cancelled or expired, and not started again
    bool request_expired = false;
    std::uint16_t request_stack = 0; ///< td_stack of where it was dropped
    std::uint32_t restarts = 0;      ///< of TIME_WAIT
    std::optional<Nanoseconds> time_wait_dwell;

    // The end; the kind of object determines how it is classified
    OptionalTime closed;
    std::variant<std::monostate, SocketClose, MiniClose, Classification> close;

    Slot next_free = 0;
};

/// What the full socket has carried, as it was read last.
struct SocketDetails {
    event::SocketNumbers numbers;          ///< of the payload
    MonoTime read_at{};                    ///< when they were read
    OptionalNumber<std::uint32_t> backlog; ///< of a listener
    std::optional<tcp::State> mptcp_state;
    Slot next_free = 0;
};

/// Everything that is known of a connection or listener.
struct alignas(64) Connection {
    ConnectionIdentity who;

    // Where it is in the kernel: set_socket() and set_other() of the table
    std::uint64_t socket =
        0; ///< full socket; 0: none, or its address isn't known, or it has been handed over
    std::uint64_t other =
        0; ///< request or mini-socket, by place; 0: none, or its address isn't known

    MonoTime entered{}; ///< `state` began then, or, unless entry_seen, not later than that
    OptionalTime opened;
    MonoTime last_event{};
    OptionalTime mini_started;
    OptionalTime mini_expires;
    std::array<std::int64_t, kUsualPath> dwells{}; ///< of the path; kUnknownDwell
    std::array<tcp::State, kLongestPath> path{};   ///< the states that have been left, then zeros
    std::uint32_t sequence = 0;   ///< order of creation, modulo 2^32; 0 once it is released
    std::uint32_t loss_epoch = 0; ///< the tracker's, at last_event
    std::uint32_t listed_in = 0;  ///< snapshot that listed it last
    Slot evidence = 0;            ///< 0: nothing special is known
    Slot newer = 0;               ///< order of last use
    Slot older = 0;               ///< the same; or the next free slot
    Slot details = 0;             ///< 0: no numbers are known
    OptionalTime established;     ///< of a passive open, from its birth on
    OptionalTime accepted_at;
    tcp::State state = tcp::State::CLOSE;
    std::optional<tcp::ClosedHow> closed_how;
    std::uint8_t closing_signal = 0;
    bool was_mptcp : 1 = false; ///< by its last transition

    Place place : 2 = Place::full;
    tcp::Seen seen : 2 = tcp::Seen::whole;
    tcp::ClosedFirst closed_first : 3 = tcp::ClosedFirst::unknown;
    bool entry_seen : 1 = false; ///< when `state` began is known
    bool inherited_owner : 1 =
        false; ///< who.process is the listener's, until the process that accepted is known
    bool confirmed : 1 = true;   ///< an event has been seen, not only a listing
    bool birth_held : 1 = false; ///< CLOSE -> SYN_SENT waits for the local port
    bool ended : 1 = false;
    bool listener_indexed : 1 = false; ///< ConnectionTable::index_listener()
    bool evicted : 1 = false;          ///< given up for want of room
    bool has_line : 1 = false;         ///< of TrackerOptions::lines_at_close
    bool accept_known : 1 = false;     ///< `accepted` means something
    bool accepted : 1 = false;         ///< by a process, from the accept queue
    bool uncertain : 1 = false;        ///< events may have been lost just before the end

    [[nodiscard]] std::optional<MonoTime> since() const {
        return entry_seen ? std::optional(entered) : std::nullopt;
    }
    void begin_state(MonoTime at) {
        entered = at;
        entry_seen = true;
    }
    void forget_beginning() { entry_seen = false; }
    /// It is in `state` at least since then.
    void find_in_state(MonoTime at) {
        entered = at;
        entry_seen = false;
    }
    /// As much is known in addition to what was before.
    void was_in_state_at(MonoTime at) {
        if (!entry_seen) entered = std::min(entered, at);
    }
    [[nodiscard]] bool lives_in(Place where, std::uint64_t address) const {
        return place == where && other == address;
    }
};
static_assert(sizeof(Connection) == 320);

} // namespace tcpdwell::track

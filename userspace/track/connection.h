// SPDX-License-Identifier: Apache-2.0
// What is known of one connection (or one listening socket), and the lines that the tracker hands
// out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"
#include "event/event.h"
#include "tcp/address.h"
#include "tcp/close.h"
#include "tcp/state.h"
#include "track/pool.h"

namespace tcpdwell::track {

/// Identifies one connection of one host: a hash of the kernel object that it was first seen in and
/// the time of that. The same for a recording and its live run, whatever the filters.
using ConnectionId = std::uint64_t;

/// A state that has been left, and how long it lasted. Path order.
struct PathStep {
    tcp::State state;
    std::optional<Nanoseconds> dwell; ///< nullopt: the beginning or the end wasn't seen
    Nanoseconds at_least{0};          ///< without dwell: what is known of its length
};

/// The processes that have a descriptor of a socket, as they were looked up.
struct Holders {
    std::vector<event::Process> processes; ///< the first (TD_MOST_HOLDERS), by pid
    std::uint32_t count = 0;               ///< of all
    bool partial = false; ///< there may be more: not all processes could be looked into

    bool operator==(const Holders&) const = default;
};

/// Of a passive open: the time from ESTABLISHED until accept() returned, where both were seen, and
/// whether a process has taken it from the queue at all.
struct Accept {
    std::optional<Nanoseconds> delay;
    bool accepted = false;
    std::optional<MonoTime> at{}; ///< when accept() returned, where that was seen
};

/// What a connection and its lines have in common: who, where, whose.
struct ConnectionIdentity {
    ConnectionId id = 0;
    std::uint64_t cookie = 0; ///< as `ss -e` prints it (sk:); 0: the kernel has generated none
    std::uint32_t netns = 0;
    tcp::FourTuple tuple;
    tcp::Role role = tcp::Role::unknown;
    /// bind() chose its port, before connect() (skc_num is set at CLOSE -> SYN_SENT).
    bool is_bound = false;
    std::optional<event::Process>
        process; ///< who connected, accepted or listens; else the listener's owner
    std::optional<event::Process> closed_by; ///< the task that closed it, where a task did
    std::optional<std::uint32_t> uid;
    /// Where the tracker keeps it: numbers from 1 on without gaps, for what others know of it
    /// besides. Another connection gets the same one only after the last line of this one.
    Slot slot = 0;
    std::uint64_t cgroup = 0; ///< 0: not known
};

/// A connection or listener enters a state, leaves one, or both. The moves alone determine at any
/// time how many are in which state: there is one for each transition, and one where no transition
/// was seen (a socket was found in a listing, moved while events were lost, or isn't known any
/// more). No move names CLOSE.
struct StateMove {
    MonoTime at;
    const ConnectionIdentity* who;              ///< valid during the call
    std::optional<tcp::State> from;             ///< nullopt: it wasn't counted anywhere
    std::optional<tcp::State> to;               ///< nullopt: it is gone
    bool born = false;                          ///< its birth was seen: it isn't only newly known
    std::optional<tcp::ClosedHow> closed_how{}; ///< by who->closed_by

    [[nodiscard]] bool is_listener() const { return who->tuple.remote.empty(); }
};

/// One state transition, as printed by `trace`.
struct TransitionLine {
    MonoTime at;
    const ConnectionIdentity* who; ///< valid during the call
    tcp::State from;
    tcp::State to;
    std::optional<Nanoseconds> dwell; ///< time in `from`
};

/// One finished (or, at the end of tracing, still open) connection, as printed by `trace
/// --connections`.
struct ConnectionLine {
    const ConnectionIdentity* who;  ///< valid during the call
    std::optional<MonoTime> opened; ///< nullopt: not seen
    std::optional<MonoTime>
        closed; ///< when its last trace left the kernel; nullopt: still there, or not seen
    std::span<const PathStep> states; ///< the present state last, if it is still open
    tcp::ClosedFirst closed_first = tcp::ClosedFirst::unknown;
    tcp::Ending ending = tcp::Ending::unknown;
    tcp::EndingDetail detail = tcp::EndingDetail::none;
    struct TimeWait {
        std::optional<Nanoseconds> dwell;
        tcp::TimeWaitEnd end;
        std::uint32_t restarts;
    };
    std::optional<TimeWait> time_wait;
    std::optional<Accept> accept;
    /// Sizes are those of the payload: without SYN and FIN. nullptr: not known. Valid during the
    /// call.
    const event::SocketNumbers* numbers = nullptr;
    /// When they were read: a mini-socket has none, so for its time they are those of its
    /// beginning.
    std::optional<MonoTime> numbers_at;
    std::optional<tcp::ClosedHow> closed_how; ///< by who->closed_by
    std::uint8_t closing_signal = 0;          ///< with ClosedHow::signal
    std::optional<bool> is_mptcp;             ///< whether it is a subflow of an MPTCP connection
    std::optional<tcp::State> mptcp_state;    ///< of the MPTCP socket above it, with the numbers
    const Holders* holders = nullptr; ///< of an open socket; nullptr: not known. As `numbers`.
    tcp::Seen seen = tcp::Seen::whole;
    /// Given up for want of room: its end wasn't seen, and it may be there still. Not an end.
    MonoTime entered{}; ///< when the last one of `states` began
    bool evicted = false;
    bool idle = false; ///< nothing happened to it while it was traced: it is only known to be there
};

/// Events were lost here.
struct LostLine {
    MonoTime at;
    std::optional<std::uint64_t>
        events; ///< nullopt: the number is not known (a recording that isn't whole)
    std::array<std::uint64_t, TD_PROBE_COUNT> by_probe;
};

/// The kernel's own counters of a network namespace.
struct CountersLine {
    MonoTime at;
    std::uint32_t netns;
    std::span<const event::KernelCounters::Counter> counters; ///< since the namespace began
};

/// This host sent an RST for a segment that belongs to no connection of it.
struct StrayResetLine {
    MonoTime at;
    std::uint32_t netns;
    const tcp::FourTuple& tuple; ///< as the socket would have it
    td_reset_reason reason;
    std::uint32_t left_out; ///< others just before it, of which no more is known
};

} // namespace tcpdwell::track

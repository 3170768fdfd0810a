// SPDX-License-Identifier: Apache-2.0
// The connection tracker: turns events into transitions and connections, with true states, dwells
// and endings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "event/event.h"
#include "track/connection.h"

namespace tcpdwell::track {

/// Receives the tracker's lines. Pointers and spans are valid during the call only.
class TrackerListener {
public:
    virtual ~TrackerListener() = default;
    virtual void on_move(const StateMove&) {}
    /// More is known of a connection or listener that is in `state` than at its last move: whose it
    /// is, who closed it, or its local port.
    virtual void on_learnt(const ConnectionIdentity&, tcp::State, MonoTime) {}
    /// Right after the move that goes with it.
    virtual void on_transition(const TransitionLine& line) = 0;
    /// After the last move.
    virtual void on_connection(const ConnectionLine& line) = 0;
    virtual void on_lost(const LostLine& line) = 0;
    virtual void on_counters(const CountersLine&) {}
    virtual void on_stray_reset(const StrayResetLine&) {}
};

struct TrackerOptions {
    /// Connections kept at the same time; past it the least recently active one is given up as
    /// `unknown`, `seen: gap`.
    std::size_t max_connections = 1'000'000;
    /// A connection whose TIME_WAIT has begun gets its line then, as one that is still going on,
    /// and none when that is over. Without it: when its last trace has left the kernel.
    bool lines_at_close = false;
};

/// Counters of a run.
struct TrackerTotals {
    std::uint64_t transitions = 0;
    std::uint64_t connections = 0; ///< finished; without those that were given up for want of room
    std::uint64_t lost = 0;        ///< events
    std::uint64_t holes = 0;       ///< places where a recording lacks what happened
    std::uint64_t evicted = 0;     ///< given up because max_connections was reached
    std::uint64_t unexpected = 0;  ///< events that didn't fit the state known
    /// Events that must have been, where the kernel has counted no loss: at least so many. (Some
    /// virtual machines run no BPF program while a task of their agent is current.)
    std::uint64_t unseen = 0;
};

/// A connection or listener that is there now.
struct LiveSocket {
    const ConnectionIdentity& who; ///< valid during the call
    tcp::State state;
    std::optional<MonoTime> since; ///< when `state` began; nullopt: that wasn't seen
    MonoTime
        known_since; ///< in `state` at least since then; the same as `since` where that is known
    /// As its line would have it if tracing ended now.
    tcp::Seen seen;
    tcp::ClosedFirst closed_first;
    tcp::Ending ending;
    std::span<const PathStep>
        left; ///< the states that it has left, oldest first; valid during the call
    /// What it has carried, by the last look; of a listener `unread` connections wait for accept()
    /// out of `backlog`. nullptr: not known. Valid during the call, as is `holders`.
    const event::SocketNumbers* numbers = nullptr;
    OptionalNumber<std::uint32_t> backlog;
    std::optional<Accept> accept;             ///< as its line would have it
    const Holders* holders = nullptr;         ///< nullptr: not known
    std::optional<tcp::ClosedHow> closed_how; ///< as its line would have it, as the signal
    std::uint8_t closing_signal = 0;
    std::optional<MonoTime> numbers_at = {}; ///< when they were read: of a mini-socket nothing is
};

/// 0 of one that was there before tracing; nullopt: that isn't known.
std::optional<MonoTime> opened_at(const LiveSocket& socket);

/// A connection or listener as a listing of the kernel's sockets would have it, by all that is
/// known.
struct ListedSocket {
    event::SocketListed socket; ///< sock is 0 where the address isn't known
    std::optional<event::Process>
        process; ///< who holds it, or held the socket that a mini-socket is left of
    std::optional<event::NumbersRead> numbers;
    std::optional<event::HoldersFound> holders;
    /// A timer of it was stopped shortly before; what that means, only later events show.
    std::optional<event::Event> pending;
};

/// Deterministic: the same events in the same order give the same calls. Never reads a clock.
class Tracker {
public:
    Tracker(TrackerListener& listener, TrackerOptions options);
    ~Tracker();
    Tracker(const Tracker&) = delete;
    Tracker& operator=(const Tracker&) = delete;

    /// Facts, clock readings and cgroup paths are ignored.
    void on_event(const event::Event& event);
    /// Everything up to `now` has been delivered: decides what was waiting for a later event.
    void advance_to(MonoTime now);
    /// Nothing more will come: decides at once what was waiting for a later event.
    void settle(MonoTime now);
    /// Tracing ends: settles, and hands out what is still open.
    void finish(MonoTime now);

    [[nodiscard]] const TrackerTotals& totals() const;
    /// Since when the kernel's events haven't been recorded any more: that nothing is seen of a
    /// connection afterwards says nothing about it. nullopt: they are.
    [[nodiscard]] std::optional<MonoTime> stopped() const;

    /// Whether a mini-socket is known whose timer must have expired long before `now`, so that its
    /// end hasn't been seen; the next listing ends it. A call looks at a tenth of all connections.
    [[nodiscard]] bool finds_overdue(MonoTime now);
    [[nodiscard]] std::size_t live() const; ///< connections and listeners held now
    void for_each_live(const std::function<void(const LiveSocket&)>& visit) const;
    /// What a listing at `now` would show: listeners first, for a reader finds the owner of a
    /// connection by them.
    void for_each_listed(MonoTime now, const std::function<void(const ListedSocket&)>& visit) const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tcpdwell::track

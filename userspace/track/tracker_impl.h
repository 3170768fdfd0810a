// SPDX-License-Identifier: Apache-2.0
// The implementation of Tracker. One class over nine files: full sockets (tracker.cpp), the life
// of a connection (tracker_life.cpp), passive opens: request sockets and children
// (tracker_passive_open.cpp), mini-sockets (tracker_minis.cpp), what is learnt besides events:
// listed sockets, owners, losses (tracker_listed_sockets.cpp), what a connection carried and who
// accepted it (tracker_details.cpp), listings without kernel addresses
// (tracker_addressless.cpp), what is known as a listing (tracker_listing.cpp), and what can be said
// when nothing is recorded any more (tracker_stop.cpp).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "track/connection_table.h"
#include "track/namespace_members.h"
#include "track/tracker.h"

namespace tcpdwell::track {

/// Children and timers that are waited for at the same time, at most. A busy host has a few
/// thousand; what goes beyond is a stream that was made for it.
inline constexpr std::size_t kMostChildren = 1 << 16;
inline constexpr std::size_t kMostDeadlines = 1 << 20;

/// How long after its last event a connection may still get evidence: the RST of an abort is traced
/// after the socket's CLOSE, by the same task, which may be preempted in between. And how long a
/// cancelled timer waits for what follows.
inline constexpr Nanoseconds kSettle = std::chrono::milliseconds(20);

inline bool close_in_time(const std::optional<ResetSeen>& reset, MonoTime at) {
    return reset && reset->at >= at - kSettle && reset->at <= at + kSettle;
}

class Tracker::Impl {
public:
    Impl(TrackerListener& listener, TrackerOptions options)
        : listener_(listener), options_(options) {}

    void handle(const event::StateChange& e);
    void handle(const event::TimewaitTimer& e);
    void handle(const event::RequestTimer& e);
    void handle(const event::Reset& e);
    void handle(const event::OwnerFound& e);
    void handle(const event::SocketListed& e);
    void handle(const event::Snapshot& e);
    void handle(const event::LostTotals& e);
    void handle(const event::Gap& e);
    void handle(const event::PortKnown& e);
    void handle(const event::NumbersRead& e);
    void handle(const event::HoldersFound& e);
    void handle(const event::StrayReset& e);
    void handle(const event::KernelCounters& e) {
        listener_.on_counters(CountersLine{e.at, e.netns, e.counters});
    }
    void handle(const event::RecordingStopped& e);
    void handle(const event::ClockReading&) {}
    void handle(const event::CgroupPath&) {}
    void handle(const event::ContainerName&) {}
    void handle(const event::Fact&) {}
    void handle(const event::ProcessForked&) {}

    void advance_to(MonoTime now);
    /// Decides early what waits for its time, if too much does.
    void make_room();
    void settle(MonoTime now);
    void finish(MonoTime now);

    /// Before it is handled: the kernel's events may be recorded again.
    void note_recorded(const event::Event& event) {
        if (stopped_) resume_by(event);
    }

    const TrackerTotals& totals() const { return totals_; }
    std::optional<MonoTime> stopped() const { return stopped_; }
    std::size_t live() const { return table_.size(); }
    void for_each_live(const std::function<void(const LiveSocket&)>& visit) const;
    void for_each_listed(MonoTime now, const std::function<void(const ListedSocket&)>& visit) const;
    [[nodiscard]] bool finds_overdue(MonoTime now);

private:
    // Life of a connection (tracker_life.cpp)
    /// `object` makes the id; where the connection lives is for the caller to say.
    Connection& create(std::uint64_t object, MonoTime at, std::uint32_t netns,
                       const tcp::FourTuple& tuple, std::uint64_t cookie);
    /// A connection that was there before anything was seen of it; the caller reports its move when
    /// it has said who it is.
    Connection& create_existing(std::uint64_t object, MonoTime at, std::uint32_t netns,
                                const tcp::FourTuple& tuple, std::uint64_t cookie,
                                tcp::State state);
    void note_event(Connection& c, MonoTime at);
    void note_loss(MonoTime at) {
        ++loss_epoch_;
        last_loss_ = at;
        current_children_ = 0;
    }
    void mark_gap(Connection& c);
    void note_unseen(const Connection& c);
    [[nodiscard]] static bool is_overdue(const Connection& c, MonoTime now);
    /// Leaves the present state; prints the line unless the birth is held back.
    void move(Connection& c, tcp::State to, MonoTime at);
    void print_transition(Connection& c, tcp::State from, tcp::State to, MonoTime at,
                          std::optional<Nanoseconds> dwell);
    /// Where the record says another state than is known: something was lost.
    void resync_state(Connection& c, tcp::State actual, MonoTime at);
    /// It is known to be in that state now, however it got there.
    void restate(Connection& c, tcp::State actual, MonoTime at);
    /// For listeners: it is in another state. `born`: its birth was seen.
    void report_move(const Connection& c, std::optional<tcp::State> from,
                     std::optional<tcp::State> to, MonoTime at, bool born = false);
    /// `who` has changed since the last move.
    void report_learnt(const Connection& c, MonoTime at);
    void release_birth(Connection& c);
    /// The last trace is gone from the kernel; the line follows when nothing more can come.
    void end(Connection& c, MonoTime at);
    /// Hands the connection's line to the listener and releases the connection.
    void report_and_release(Connection& c);
    /// `now`: of one that hasn't ended; nullopt: not known.
    void report_line(Connection& c, std::optional<MonoTime> now);
    void release(Connection& c);
    /// What its line says of the connection as a whole.
    struct Summary {
        tcp::Seen seen;
        tcp::ClosedFirst closed_first;
        Classification verdict;
    };
    [[nodiscard]] Summary summary_of_open(const Connection& c) const;
    [[nodiscard]] Summary summary_of_ended(const Connection& c) const;
    /// The states that it has left, oldest first, in the first places of `to`.
    std::span<const PathStep> copy_path(const Connection& c, std::span<PathStep> to) const;
    /// How it ended, by all that was seen until now.
    [[nodiscard]] Classification judge(const Connection& c, const CloseEvidence& evidence) const;
    /// Its end wasn't seen.
    void give_up(Connection& c);
    void learn_tuple(Connection& c, const tcp::FourTuple& tuple);
    void learn_cookie(Connection& c, std::uint64_t cookie);
    /// The socket's own uid and cgroup; not the process.
    void learn_owner(Connection& c, const std::optional<event::Owner>& owner);
    void inherit_owner(Connection& c, const Connection* listener);
    /// Makes room at an address that now holds another object.
    void clear_address(std::uint64_t object);
    /// Another connection has taken over the four-tuple of `c`.
    void clear_tuple(Connection& c, tcp::TimeWaitEnd follower);
    [[nodiscard]] tcp::Role guess_role(std::uint32_t netns, const tcp::FourTuple& tuple,
                                       tcp::State state) const;

    // Full sockets (tracker.cpp)
    Connection* find_full(const event::StateChange& e);
    [[nodiscard]] bool is_repetition(const Connection& c, const event::StateChange& e) const;
    [[nodiscard]] bool is_opened_twice(const event::StateChange& e);
    /// connect() or listen(): a life begins at this address.
    void on_open(const event::StateChange& e);
    /// A socket of which nothing was seen so far, in the state that it now leaves.
    Connection& adopt_full(const event::StateChange& e);
    /// The connection lives in a mini-socket already: only the full socket goes.
    void on_hand_over(Connection& c, const event::StateChange& e);
    /// `first_sight`: it has been adopted for this event.
    void on_transition(Connection& c, const event::StateChange& e, bool first_sight);
    void on_close(Connection& c, const event::StateChange& e);
    void note_closer(Connection& c, const event::StateChange& e);
    void learn_past(Connection& c, const event::StateChange& e);

    // What a connection carried, and who took it (tracker_details.cpp)
    /// `now`: it is being accepted at that moment.
    void note_accepted(Connection& c, MonoTime at, bool now = true);
    /// By a transition of its full socket.
    void note_socket(Connection& c, const event::StateChange& e);
    void note_manner(Connection& c, const event::StateChange& e);
    void add_details(const Connection& c, ConnectionLine& line) const;
    [[nodiscard]] std::optional<Accept> accept_of(const Connection& c, tcp::Seen seen) const;
    [[nodiscard]] const Holders* holders_of(const Connection& c) const;
    void learn_age(Connection& c, const event::NumbersRead& e);

    // Passive opens (tracker_passive_open.cpp)
    /// LISTEN -> SYN_RECV of a full socket, until the next event shows whose handshake it
    /// completes.
    struct Child {
        MonoTime at;
        std::uint32_t loss_epoch;
        std::optional<event::Process>
            accepted_by; ///< TCP Fast Open: even before the handshake is complete
        std::optional<ResetSeen> reset_received; ///< the same
    };
    Connection* find_request(const event::RequestTimer& e);
    /// One that was listed by a listing without addresses, or goes on as a copy; nullptr if
    /// there is none.
    Connection* adopt_request(const event::RequestTimer& e);
    /// A SYN has been answered.
    void on_request_start(const event::RequestTimer& e);
    void on_request_timer(Connection& c, const event::RequestTimer& e);
    /// Its timer was stopped and nothing has followed.
    void resolve_request(Connection& c);
    /// The request's timer goes on.
    void forget_stop(Connection& c);
    void on_child_born(const event::StateChange& e);
    /// The birth of the child at this address, which is forgotten; nullopt if it wasn't seen.
    std::optional<Child> take_child(std::uint64_t sock);
    void on_child_established(const event::StateChange& e);
    /// The connection moves from its request socket to the child.
    void replace_request(Connection& c, const event::StateChange& e);
    /// A child without a request socket: TCP Fast Open, SYN cookie, or its request wasn't seen.
    Connection& create_child(const event::StateChange& e, const std::optional<Child>& born);

    // Mini-sockets (tracker_minis.cpp)
    Connection* find_mini(const event::TimewaitTimer& e);
    Connection& adopt_mini(const event::TimewaitTimer& e);
    void on_mini_start(Connection& c, const event::TimewaitTimer& e);
    void on_mini_rearm(Connection& c, const event::TimewaitTimer& e);
    void on_mini_cancel(Connection& c, const event::TimewaitTimer& e);
    /// The mini-socket is in TIME_WAIT: prints the change from FIN_WAIT2 late, with its true time,
    /// if it wasn't known.
    void enter_time_wait_late(Connection& c, MonoTime at, std::optional<MonoTime> expires,
                              std::optional<MonoTime> entered);
    void end_mini(Connection& c, MonoTime at, const MiniClose& close);
    /// Its timer was cancelled; `follower`: by what took over the four-tuple, if anything did.
    void resolve_cancel(Connection& c, std::optional<tcp::TimeWaitEnd> follower);
    /// The mini-socket's timer goes on.
    void forget_cancel(Connection& c);

    // Listed sockets (tracker_listed_sockets.cpp)
    Connection* find_listed(const event::SocketListed& e);
    bool is_outdated(const event::SocketListed& e);
    /// Whether it is a child whose birth has been seen, and that its next event will make a
    /// connection of: TCP Fast Open keeps one in SYN_RECV for as long as the client's ACK takes.
    bool is_unnamed_child(const event::SocketListed& e) const;
    void confirm_listed(Connection& c, const event::SocketListed& e);
    void join(const event::SocketListed& e);
    ListedSocket listed(const Connection& c, MonoTime now) const;
    void add_details(const Connection& c, MonoTime now, ListedSocket& known) const;

    // When nothing is recorded any more (tracker_stop.cpp)
    void resume_by(const event::Event& event);
    /// Whether recording stopped so soon after `at` that what follows within `span` may be missing.
    [[nodiscard]] bool is_cut_off(MonoTime at, Nanoseconds span = kSettle) const {
        return stopped_ && at + span > *stopped_;
    }
    [[nodiscard]] bool is_after_stop(MonoTime at) const { return stopped_ && at >= *stopped_; }
    /// Whether recording stopped before anything showed why its timer was stopped.
    [[nodiscard]] bool is_undecided(const Connection& c) const;
    [[nodiscard]] bool is_request_undecided(const Connection& c) const;
    [[nodiscard]] bool is_cancel_undecided(const Connection& c) const;
    /// Whether the listed socket, which isn't known, may have been made since.
    [[nodiscard]] bool may_be_later(const event::SocketListed& e) const;
    /// It was listed since.
    void confirm_later(Connection& c, const event::SocketListed& e);

    // Listings without addresses (tracker_addressless.cpp)
    void remember_cookie(const Connection& c);
    /// Among those that were listed without an address, ended ones included; nullptr if it isn't
    /// there.
    Connection* find_by_cookie(std::uint64_t cookie);
    void forget_released_cookies();
    Connection* find_listed_listener(const event::SocketListed& e);
    /// Whether what is listed may be known already, without its four-tuple, or has ended a moment
    /// ago.
    bool is_known_otherwise(const event::SocketListed& e);
    bool has_just_ended(const event::SocketListed& e);
    /// Whether connects to that peer are under way whose local ports aren't known; they count as
    /// listed.
    bool confirm_unnamed(const event::SocketListed& e);
    [[nodiscard]] static bool is_unnamed(const Connection& c);
    void remember_unnamed(const Connection& c);
    /// Puts what is new_unnamed_ into unnamed_.
    void sort_unnamed();
    /// The last pass that listed it among those whose local ports aren't known; 0: none.
    [[nodiscard]] std::uint32_t listed_unnamed_in(const Connection& c) const;
    /// The connection at that address, or else with that cookie.
    Connection* find_socket(std::uint64_t sock, std::uint64_t cookie) {
        Connection* c = table_.by_object(sock);
        return c ? c : find_by_cookie(cookie);
    }

    /// When to look at a connection again; void if its slot has been used anew by then.
    struct Deadline {
        MonoTime due;
        Slot slot;
        std::uint32_t sequence;
    };
    void schedule_check(Connection& c, MonoTime due);

    TrackerListener& listener_;
    TrackerOptions options_;
    TrackerTotals totals_;
    ConnectionTable table_;
    NamespaceMembers members_;      ///< of table_
    std::deque<Deadline> settling_; ///< ended, or a timer stopped: kSettle later
    std::deque<Deadline> held_;     ///< births without a port: kHold later
    std::unordered_map<std::uint64_t, Child>
        children_;                     ///< LISTEN -> SYN_RECV, by address, until the next event
    std::size_t current_children_ = 0; ///< of them: born since the last loss
    struct Reference {
        Slot slot;
        std::uint32_t sequence;
    };
    Connection* find(const Reference& r) { return table_.find(r.slot, r.sequence); }
    Connection* find_unnamed(const Reference& r) {
        Connection* c = find(r);
        return c && is_unnamed(*c) ? c : nullptr;
    }
    std::unordered_map<std::uint64_t, Reference> by_cookie_; ///< those listed without an address
    std::unordered_multimap<std::uint64_t, Reference>
        just_ended_;                  ///< by a hash of the four-tuple; see has_just_ended()
    std::size_t unread_settling_ = 0; ///< the last ones of settling_ aren't in just_ended_ yet
    /// Connects to one peer whose local ports aren't known.
    struct Unnamed {
        std::vector<Reference> connects;
        std::uint32_t listed_in = 0; ///< the pass that counts all of them as listed
    };
    std::map<std::pair<std::uint32_t, tcp::Endpoint>, Unnamed> unnamed_; ///< by namespace and peer
    std::size_t sorted_unnamed_ = 0;                                     ///< all in unnamed_
    std::vector<Reference> new_unnamed_;                                 ///< not in unnamed_ yet
    /// As they were looked up, where they were; sockets of one look mostly share theirs.
    std::unordered_map<Slot, std::shared_ptr<const Holders>> holders_;
    std::shared_ptr<const Holders> last_holders_;
    std::optional<MonoTime> finished_at_; ///< during finish()
    std::array<std::uint64_t, TD_PROBE_COUNT> lost_{};
    std::uint32_t loss_epoch_ = 0; ///< grows with each loss that is recorded
    std::optional<MonoTime> last_loss_;
    std::optional<MonoTime> stopped_; ///< nothing has been recorded since
    std::uint32_t snapshot_ = 0;      ///< number of the pass under way, or of the last
    Slot looked_at_ = 0;              ///< by finds_overdue()
    struct Pass {
        std::uint32_t number;
        MonoTime began;
        bool first;
    };
    std::unordered_map<std::uint32_t, Pass> passes_; ///< by namespace
};

} // namespace tcpdwell::track

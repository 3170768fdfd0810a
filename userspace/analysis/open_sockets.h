// SPDX-License-Identifier: Apache-2.0
// Which programs have sockets in which state now, for how long, and what waits in them: input for
// findings on sockets that still exist.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "analysis/analysis.h"
#include "analysis/lives.h"
#include "analysis/scope.h"
#include "analysis/silence.h"
#include "analysis/thresholds.h"

namespace tcpdwell::analysis {

/// Sockets of one program in one state.
struct HeldSockets {
    tcp::State state;
    std::uint32_t netns;
    std::string comm; ///< of the processes that hold them; "": no process is known
    /// The processes that hold them now, as far as they were looked up; else those that connected
    /// or accepted. At most TD_MOST_HOLDERS, none twice: where there are as many, perhaps not all.
    std::vector<event::Process> processes;
    bool looked_up = false; ///< the processes are those that have a descriptor, all of them
    /// By other programs than the one that connected or accepted, which has closed its own
    /// descriptor (provided that all were looked up): they inherited it, or were given it.
    bool inherited = false;
    /// Inherited ones of one holder.
    struct Received {
        static constexpr std::size_t kMost = 64;
        MonoTime last; ///< when the last of them was accepted
        /// When the peers closed those that somebody has worked on, and what each counts for.
        std::vector<std::pair<MonoTime, Weight>> half_closed;
    };
    std::map<std::uint32_t, Received> received; ///< of old inherited ones, by holder; at most kMost
    /// Of the old ones that have sent, or are to send, a FIN: those that a process has.
    std::uint64_t shut = 0;
    std::uint64_t untouched = 0; ///< of which nobody has read anything, or sent anything
    /// Whether most of the inherited ones were given to their holders to work on: they are
    /// untouched, or their holder got another one after the peer had closed. By one fork() it
    /// would have both only if who opened them had kept one for as long.
    [[nodiscard]] bool is_given() const;
    /// The one that connected or accepted the old ones; nullopt: not known, or several.
    std::optional<event::Process> owner;
    std::uint64_t sockets = 0;
    std::uint64_t old = 0;       ///< of which as old as the state's threshold
    std::uint64_t held = 0;      ///< old ones of which processes were found that have a descriptor
    Nanoseconds oldest{};        ///< at least
    bool oldest_is_exact = true; ///< its beginning was seen
    /// When the first of the old ones came to its state, or its peer was heard last: known of all,
    /// or not later than that.
    std::optional<MonoTime> began;
    bool is_began_seen = true;
    MonoTime seen_at{}; ///< there at that time
    tcp::FourTuple oldest_tuple{};
    std::vector<track::ConnectionId> ids; ///< of some old ones
    Likes likes;                          ///< further old ones
    /// Of the old ones that wait for an answer, in SYN_SENT or later, by remote endpoint; of those
    /// that were accepted by remote host, with port 0. At most kMostTried.
    std::map<tcp::Endpoint, std::uint64_t> tried;
    static constexpr std::size_t kMostTried = 10'000;
    std::set<tcp::Endpoint> services; ///< of old ones that were accepted, their local ends; some
    std::set<tcp::Endpoint> remotes;  ///< of old ones that weren't accepted; some
    std::uint64_t numbered = 0;       ///< old ones whose numbers are known, which follow
    std::uint64_t zero_window =
        0;                       ///< with data to be sent to a window of 0, of a peer that answers
    std::uint64_t kept_back = 0; ///< bytes, of those
    std::uint64_t had_large = 0; ///< whose peer has acknowledged many large segments before
    std::uint64_t unsent = 0;    ///< bytes
    std::uint64_t unacked = 0;   ///< bytes
    std::uint64_t unread = 0;    ///< bytes
    std::uint32_t most_timeouts = 0;  ///< of a retransmission timer, in a row
    std::uint32_t most_probes = 0;    ///< of a window of 0, in a row without an answer
    std::uint32_t most_keepalive = 0; ///< probes of keepalive, likewise
    Nanoseconds longest_silence{};    ///< since a segment came from the peer
    Silences silences;                ///< of those whose peer doesn't answer
    Closings closings;                ///< of those that were closed when it didn't any more
};

/// Only the states that something can be wrong with: SYN_SENT, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT,
/// LAST_ACK, CLOSING, and sockets whose peer doesn't answer. Memory: some hundred bytes for each
/// program that has sockets in them, and 3 MiB.
class OpenSockets : public Analysis {
public:
    explicit OpenSockets(const Thresholds& thresholds);

    void begin_live(MonoTime now) override;
    void on_live(const track::LiveSocket& socket, Weight weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime) override {}

    /// The most old ones first.
    [[nodiscard]] std::vector<const HeldSockets*> in(tcp::State state) const;
    /// In ESTABLISHED or CLOSE_WAIT, with data that the peer hasn't acknowledged although it was
    /// retransmitted, or probes that it didn't answer; all of them as old as the threshold.
    [[nodiscard]] std::vector<const HeldSockets*> unanswering() const;
    /// The same, but segments do come from the peer: what is sent doesn't get there.
    [[nodiscard]] std::vector<const HeldSockets*> one_way() const;

    /// When the other end was, if it is here and open; nullopt: it isn't.
    [[nodiscard]] std::optional<MonoTime> other_end_heard(const Silence& silence) const;

private:
    static constexpr std::size_t kMostHeard = 1 << 16;
    enum class Kind : std::uint8_t { in_state, unanswering, one_way };
    /// The last one: the pid of who opened them, of inherited ones.
    using Key =
        std::tuple<Kind, tcp::State, std::uint32_t, std::string, std::optional<std::uint32_t>>;

    void note_answers(const track::LiveSocket& socket, Weight weight);
    void add(Kind kind, const track::LiveSocket& socket, Nanoseconds age, bool exact,
             Nanoseconds old_from, Weight weight);
    std::vector<const HeldSockets*> of(Kind kind, std::optional<tcp::State> state) const;

    EnumArray<tcp::State, Nanoseconds> old_from_;
    Nanoseconds silent_from_;
    MonoTime now_{};
    std::map<Key, HeldSockets> holdings_;
    /// When what is open was heard last, by a hash of its ends; at most kMostHeard.
    std::unordered_map<std::uint64_t, MonoTime> heard_;
};

} // namespace tcpdwell::analysis

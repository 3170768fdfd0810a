// SPDX-License-Identifier: Apache-2.0
// Ended connections by what ended them: of each listening endpoint, and of each program that
// connects to a remote endpoint. Each connection counts for one cause, and where both of its ends
// are on this host, at the end where the cause lies.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <unordered_set>

#include "analysis/analysis.h"
#include "analysis/end_cause.h"
#include "analysis/flows.h"
#include "analysis/hang_ups.h"
#include "analysis/histogram.h"
#include "analysis/late_connects.h"
#include "analysis/listener_times.h"
#include "analysis/lives.h"
#include "analysis/recent_ends.h"
#include "analysis/scope.h"
#include "analysis/silence.h"
#include "analysis/unknown_connections.h"

namespace tcpdwell::analysis {

/// What is known of the connections of one party that ended by one cause.
struct CauseFacts {
    std::uint64_t count = 0;
    /// Whose other end was found on this host by the client's endpoint only (RecentEnds).
    std::uint64_t translated = 0;
    Examples ids;
    Likes likes; ///< further ones
    MonoTime first{};
    MonoTime last{};
    MonoTime closing_first{}; ///< when the first of them began to close, of those of this end
    MonoTime closing_last{};
    std::optional<MonoTime> opened;   ///< when the first of them was
    std::optional<MonoTime> answered; ///< of refused ones: as Scope has it
    /// Of connects that failed: when the program was answered there first, after the last of them
    /// had been opened, and whether it also was between the first and the last.
    std::optional<MonoTime> answered_since;
    bool was_answered_between = false;
    std::uint64_t to_own_address = 0; ///< that the client has, too: the other end is on its host
    std::set<tcp::IpAddress> hosts;   ///< remote; at most kMostHosts
    bool are_all_hosts = true;
    LogHistogram idle;                                ///< before the close
    std::uint64_t sent_until_close = 0;               ///< has_sent_until_close()
    std::uint32_t most_unread = 0;                    ///< bytes, of one connection
    std::uint64_t most_sent = 0;                      ///< bytes, as well
    std::uint64_t least_received = ~std::uint64_t{0}; ///< bytes, as well
    std::uint64_t most_received = 0;
    std::uint64_t unsent = 0;        ///< bytes, of all
    std::uint64_t orphaned = 0;      ///< that timed out when they had been closed here
    std::uint32_t most_timeouts = 0; ///< retransmissions in a row, at the end of one of these
    /// For how long the peer's window kept one of them from sending.
    Nanoseconds longest_limited{};
    /// Whose other end on this host is still ESTABLISHED, though this one received an RST.
    std::uint64_t open_there = 0;
    /// Received by both ends, which are on this host: each is counted once, for the server.
    std::uint64_t between = 0;
    std::optional<event::Process> clients; ///< of those; pid 0: several of one name
    LogHistogram quiet;                    ///< how long nothing had come or gone when an RST came
    /// Closed by a client just when a client of its own process had closed, having waited as long.
    std::uint64_t hung_up_on = 0;
    /// Of those clients, the ends that are known here.
    struct ClientEnds {
        std::uint64_t known = 0;
        std::uint64_t half_closed = 0; ///< shut down, and kept until the process had closed
    };
    ClientEnds clients_ended;
    ClientEnds clients_waiting;    ///< in TIME_WAIT now
    LogHistogram kept_half_closed; ///< how long clients' ends were, before they were closed
    /// Connects whose answer came when the program had given up.
    std::uint64_t answered_late = 0;
    std::uint64_t at_once = 0; ///< connects that failed within moments
    /// Connects during which, or since the one before, others at that endpoint were answered.
    std::uint64_t answered_meanwhile = 0;
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    Silences silences;                              ///< of those that timed out
    std::map<std::uint32_t, std::uint64_t> signals; ///< that ended processes; 0: an exit
    LogHistogram unanswered;   ///< how long requests had waited when their processes died
    std::uint64_t stopped = 0; ///< closed by servers that closed their listening socket, too
    std::map<std::uint32_t, event::Process> closers; ///< by pid; at most a few
    Closings closings;
    bool are_all_closers = true;

    static constexpr std::size_t kMostHosts = 1000;
};

/// A listening endpoint, or a program that connects to a remote endpoint.
struct Party {
    std::uint32_t netns = 0;
    tcp::Role role = tcp::Role::unknown;  ///< server or client
    tcp::Endpoint endpoint;               ///< that listens, here or there
    std::array<char, TD_COMM_LEN> comm{}; ///< of a client

    auto operator<=>(const Party&) const = default;
};

struct PartyEnds {
    Party party;
    tcp::Family family = tcp::Family::ipv4;
    std::optional<event::Process> process; ///< the first that was seen
    bool several_pids = false;
    std::set<tcp::IpAddress> addresses; ///< that it was reached at, of a listener; some
    std::uint64_t ended = 0;
    std::uint64_t over_before = 0; ///< of which had nothing left but TIME_WAIT when the time began
    std::uint64_t waiting =
        0; ///< in TIME_WAIT now, or closed by a death: they have ended but for the wait
    std::map<EndCause, CauseFacts> causes;
    std::map<std::pair<tcp::Ending, tcp::EndingDetail>, std::uint64_t> endings;
    bool has_answered = false; ///< something was sent on one of them
    // Of the ended ones whose numbers are known:
    std::uint64_t bytes_sent = 0; ///< retransmissions included
    std::uint64_t bytes_received = 0;
    std::uint64_t segments_sent = 0;
    std::uint64_t segments_retransmitted = 0;
    LogHistogram rtt; ///< smoothed, at the end
    /// Segments of connections that came to be, open ones included.
    struct Carried {
        std::uint64_t sent = 0;
        std::uint64_t retransmitted = 0;
    };
    Carried ended_carried;
    Carried open_carried;
    std::uint64_t open = 0; ///< now, of those whose beginning was seen

    /// That were over in the time that is reported on.
    [[nodiscard]] std::uint64_t connections() const { return ended - over_before + waiting; }

    [[nodiscard]] std::uint64_t count(EndCause cause) const {
        const CauseFacts* found = facts(cause);
        return found ? found->count : 0;
    }
    /// nullptr: none ended by it.
    [[nodiscard]] const CauseFacts* facts(EndCause cause) const {
        const auto found = causes.find(cause);
        return found == causes.end() || found->second.count == 0 ? nullptr : &found->second;
    }
};

/// Memory: some 400 bytes for each party, of which at most Flows::kMaxGroups are distinguished,
/// 2.5 KiB and the hosts for each cause of it (6 KiB more where peers have gone), 200 bytes for
/// each of as many remote endpoints, and what RecentEnds and HangUps need.
class Causes : public Analysis {
public:
    /// `lives` keeps those of the examples.
    Causes(const Flows& flows, const ListenerTimes& listeners, const UnknownConnections& unknown,
           Lives& lives, MonoTime begin)
        : flows_(flows), listeners_(listeners), unknown_(unknown), lives_(lives), begin_(begin) {}

    void on_transition(const track::TransitionLine& line, Weight weight) override;
    void on_connection(const track::ConnectionLine& line, Weight weight) override;
    void on_stray_reset(const track::StrayResetLine& line, Weight weight);
    void begin_live(MonoTime now) override;
    void on_live(const track::LiveSocket& socket, Weight weight) override;
    /// Adds `endings` and `transfers`.
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime now) override;

    using Parties = std::map<Party, PartyEnds>;
    [[nodiscard]] const Parties& parties() const { return parties_; }
    /// nullptr: of that party none ended by it.
    [[nodiscard]] const CauseFacts* facts(const Party& party, EndCause cause) const {
        const auto found = parties_.find(party);
        return found == parties_.end() ? nullptr : found->second.facts(cause);
    }

    /// Whether a program of that name has been connected to that endpoint, or may have been: not
    /// all endpoints are known if there are more than Flows::kMaxGroups.
    [[nodiscard]] bool may_have_connected(std::uint32_t netns, std::string_view comm,
                                          const tcp::Endpoint& remote) const;
    /// Whether it is known to have been.
    [[nodiscard]] bool has_connected(std::uint32_t netns, std::string_view comm,
                                     const tcp::Endpoint& remote) const;

    /// Connects that a remote endpoint has answered, of all programs.
    struct Answers {
        std::uint64_t count = 0;
        std::uint64_t late = 0; ///< of which after the SYN had been sent again
    };
    /// By network namespace and remote endpoint; of those that answers_of() knows.
    using LateByPeer = std::map<std::pair<std::uint32_t, tcp::Endpoint>, LateConnects>;
    [[nodiscard]] const LateByPeer& late_connects() const { return late_; }
    [[nodiscard]] Answers answers_of(std::uint32_t netns, const tcp::Endpoint& remote) const;
    /// How many connections to it are open that were opened before `opened`, and heard from it
    /// after `heard`, having lost nothing on the way.
    [[nodiscard]] std::size_t undisturbed(std::uint32_t netns, const tcp::Endpoint& remote,
                                          MonoTime opened, MonoTime heard) const;

    /// Sockets that are connected to themselves, by program.
    struct SelfConnected {
        std::uint64_t count = 0;
        Examples ids;
        tcp::FourTuple tuple;
        std::optional<event::Process> process; ///< pid 0: several
        bool is_bound = true;                  ///< bind() chose the port of each
    };
    using SelfConnectedBy = std::map<std::pair<std::uint32_t, std::string>, SelfConnected>;
    [[nodiscard]] const SelfConnectedBy& self_connected() const { return self_connected_; }

private:
    /// One that a later one may replace.
    struct Try {
        PartyEnds* party;
        EndCause cause;
        tcp::IpAddress remote;
        MonoTime opened;
        MonoTime closed;
        track::ConnectionId id;
        tcp::EndingDetail detail;
    };
    struct Answer {
        tcp::IpAddress remote;
        MonoTime at;
    };
    /// The tries of one process at one remote port.
    struct Tries {
        static constexpr std::size_t kMostAnswers = 16;
        static constexpr std::size_t kMostFailed = 16;

        std::vector<Answer> answers; ///< the last ones
        std::vector<Try> failed;

        void note(const Answer& answer);
        /// Whether an answer of another address was that to the program's try.
        [[nodiscard]] bool have_answer_to(const Try& failed) const;
    };
    /// A remote endpoint that has answered connects.
    struct Peer {
        static constexpr std::size_t kMostPrograms = 64;
        static constexpr std::size_t kMostAnswers = 8;
        static constexpr std::size_t kMostOpen = 64;
        struct Open {
            MonoTime opened; ///< 0: before it was traced
            MonoTime heard;
        };

        Answers answered;
        std::vector<Open> open;        ///< now, that have lost nothing on the way
        std::vector<MonoTime> answers; ///< the last ones
        std::vector<std::array<char, TD_COMM_LEN>> programs; ///< that have been connected to it
    };
    using TryKey = std::tuple<std::uint32_t, std::uint32_t, tcp::Port>; ///< namespace, pid, port

    static void note_numbers(PartyEnds& party, const track::ConnectionLine& line, Weight weight);
    /// Those whose connections ended badly most often first.
    [[nodiscard]] std::vector<const PartyEnds*> in_order() const;
    PartyEnds* party_of(const track::ConnectionIdentity& who);
    [[nodiscard]] EndCause cause_of(const track::ConnectionLine& line, const PartyEnds& party,
                                    Weight weight) const;
    [[nodiscard]] bool has_stopped(const track::ConnectionLine& line, const PartyEnds& party,
                                   Weight weight) const;
    void note_hang_up(const track::ConnectionLine& line, Weight weight);
    void note_open(const track::LiveSocket& socket, Weight weight);
    /// Of a process that is known.
    Tries& tries_of(const track::ConnectionIdentity& who);
    /// Of a client. nullptr: there are too many endpoints.
    Peer* note_connected(const track::ConnectionIdentity& who);
    /// nullptr: there is none yet.
    PartyEnds* known_party_of(const track::ConnectionIdentity& who);
    /// A program's connect was answered.
    void note_answered(const track::TransitionLine& line, Weight weight);
    void note_delay(const track::TransitionLine& line, Weight weight);
    /// Of a connection that is open, or has ended.
    void note_round_trip(const track::ConnectionIdentity& who,
                         std::span<const track::PathStep> states,
                         const event::SocketNumbers* numbers,
                         LateConnects::RoundTrips LateConnects::*which, Weight weight);
    /// Of a client.
    void note_connected(const track::LiveSocket& socket, Weight weight);
    /// Returns whether it is an example now.
    static bool note(PartyEnds& party, EndCause cause, const track::ConnectionLine& line,
                     Weight weight);
    /// Of a connect that got no answer; `before`: when the one before had ended.
    void note_unanswered(CauseFacts& facts, const track::ConnectionLine& line,
                         std::optional<MonoTime> before, Weight weight) const;
    void note_self_connected(const track::ConnectionIdentity& who, Weight weight);
    /// Of a try, or a recent end.
    static void take_back(const auto& counted, Weight weight);
    /// Whether the cause lies at the other end, which ended before; takes back the consequence that
    /// was counted there if it lies here.
    bool is_explained(const track::ConnectionLine& line, PartyEnds& party, EndCause cause,
                      Weight weight);
    /// Whether another address of the same try answered (RFC 8305).
    bool was_answered_elsewhere(const track::ConnectionLine& line, PartyEnds& party,
                                EndCause cause);

    const Flows& flows_;
    const ListenerTimes& listeners_;
    const UnknownConnections& unknown_;
    Lives& lives_;
    MonoTime begin_; ///< of the time that is reported on
    Parties parties_;
    RecentEnds recent_;
    HangUps hang_ups_;
    std::map<TryKey, Tries> tries_;
    /// By network namespace and remote endpoint; at most Flows::kMaxGroups.
    std::map<std::pair<std::uint32_t, tcp::Endpoint>, Peer> peers_;
    LateByPeer late_;
    SelfConnectedBy self_connected_;
    MonoTime live_at_{};
    std::unordered_set<track::ConnectionId> counted_; ///< in TIME_WAIT, by a report before
};

} // namespace tcpdwell::analysis

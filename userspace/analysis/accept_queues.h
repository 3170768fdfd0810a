// SPDX-License-Identifier: Apache-2.0
// How long connections wait for accept(): by listening endpoint, those that were accepted and those
// that are in the queue now.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "analysis/accept_pauses.h"
#include "analysis/analysis.h"
#include "analysis/flows.h"
#include "analysis/histogram.h"
#include "analysis/lives.h"
#include "analysis/openings.h"

namespace tcpdwell::analysis {

/// When connections were accepted without delay: the last ones that ended, and some of those that
/// are there now.
class PromptAccepts {
public:
    static constexpr std::size_t kMost = 512; ///< of each

    using Accepted = std::pair<MonoTime, Weight>;
    void note_ended(Accepted accepted);
    void note_live(Accepted accepted) {
        if (live_.size() < kMost) live_.push_back(accepted);
    }
    void clear_ended() {
        ended_.clear();
        next_ = 0;
    }
    void clear_live() { live_.clear(); }
    [[nodiscard]] std::vector<Accepted> list() const; ///< in no order

private:
    std::vector<Accepted> ended_;
    std::size_t next_ = 0; ///< is overwritten next, where there are kMost
    std::vector<Accepted> live_;
};

/// With SO_REUSEPORT an endpoint has several, each with a queue of its own.
struct QueueSocket {
    std::optional<event::Process> process;
    std::vector<event::Process> holders; ///< as far as looked up
    bool are_all_holders = false;
    std::optional<std::uint64_t> queued; ///< as the kernel counts them, at the last look
    std::optional<std::uint64_t> limit;  ///< the queue is full beyond it
    std::optional<MonoTime> looked_at;   ///< when that was

    /// As sk_acceptq_is_full() has it (include/net/sock.h).
    [[nodiscard]] bool is_full() const { return queued && limit && *queued > *limit; }
};

/// A process that was seen to accept connections of an endpoint.
struct Accepter {
    event::Process process;
    MonoTime last{}; ///< when it did
};

/// Connections that were accepted late.
struct LateAccepts {
    static constexpr Nanoseconds kLate = std::chrono::seconds(1);
    std::uint64_t count = 0;
    std::uint64_t given_up = 0; ///< of which the peer had closed by then
};

/// The accept queue of one listening endpoint (of all its sockets, with SO_REUSEPORT).
struct AcceptQueue {
    static constexpr std::size_t kMostSockets = 64;
    static constexpr std::size_t kMostAccepters = 32;

    std::uint32_t netns = 0;
    tcp::Endpoint local;
    tcp::Family family = tcp::Family::ipv4;
    /// That listens: at the socket with the longest queue, or the first one found.
    std::optional<event::Process> process;
    std::vector<event::Process> holders; ///< of the listening sockets, as far as looked up
    std::set<tcp::IpAddress> addresses;  ///< that it was reached at; some
    LogHistogram delays;                 ///< of ended connections
    LogHistogram live_delays;            ///< of those that are there now
    PromptAccepts prompt;
    std::uint64_t waiting = 0;            ///< established, and not accepted by any process
    std::uint64_t half_closed = 0;        ///< of which the peer has closed
    Nanoseconds oldest{};                 ///< of those that wait
    bool oldest_is_exact = true;          ///< else at least
    std::optional<MonoTime> since;        ///< the oldest has waited
    MonoTime seen_at{};                   ///< at the last look, where any waited
    std::vector<track::ConnectionId> ids; ///< of some that wait
    Likes likes;                          ///< further ones
    /// Of them, by the process that is known to listen at their socket; some.
    std::map<std::uint32_t, std::uint64_t> waiting_at;
    std::optional<std::uint64_t> queued; ///< in all sockets' queues together
    std::optional<std::uint64_t> limit;  ///< of all together
    bool is_open = false;                ///< there is a listener
    /// Those that did last, as far as it is known when, from earlier intervals too.
    std::vector<Accepter> accepters;
    AcceptPauses pauses;
    LateAccepts late;                  ///< of ended connections
    LateAccepts live_late;             ///< of those that are there now, accepted in this interval
    bool are_all_accepts_known = true; ///< of connections that were traced from their beginning
    /// Those with the longest queue first.
    std::vector<QueueSocket> sockets;
    std::uint64_t socket_count = 0;           ///< of all
    std::optional<std::uint64_t> least_limit; ///< of one socket
    bool are_limits_known = true;

    /// Unless connections have been accepted since that was read.
    [[nodiscard]] bool is_full() const;
    /// Those where connections wait, as far as that is known; else all.
    [[nodiscard]] std::vector<const QueueSocket*> busy_sockets() const;
    /// Whoever can take from the queue what waits there: of those that hold the sockets, those that
    /// have accepted before, else who listens, else all.
    [[nodiscard]] std::vector<event::Process> who_accepts() const;
    /// Whether none of them listened itself, or has ever been seen to accept: they have only
    /// inherited the sockets.
    [[nodiscard]] bool is_orphaned() const;
    /// Whether each of these can accept at one of the sockets only.
    [[nodiscard]] bool have_one_socket(const std::vector<event::Process>& who) const;
    /// When one of these accepted a connection; nullopt: never, as far as is known.
    [[nodiscard]] std::optional<MonoTime> last_accept(const std::vector<event::Process>& who) const;
};

/// Memory: some 400 bytes for each listening endpoint, 120 for each of at most kMostSockets sockets
/// of it and 36 for each holder of those, 48 for each of at most kMostAccepters, and at most 60 KiB
/// for its histograms and 16 KiB for PromptAccepts; at most Flows::kMaxGroups endpoints; and what
/// OpeningTally needs.
class AcceptQueues : public Analysis {
public:
    explicit AcceptQueues(const Flows& flows) : flows_(flows), openings_(flows) {}

    void on_connection(const track::ConnectionLine& line, Weight weight) override;
    void begin_live(MonoTime now) override;
    void on_live(const track::LiveSocket& socket, Weight weight) override;
    /// Adds `accept_delays` and `accept_queues`.
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime now) override;

    using Queues = std::map<std::pair<std::uint32_t, tcp::Endpoint>, AcceptQueue>;
    [[nodiscard]] const Queues& queues() const { return queues_; }
    [[nodiscard]] const OpeningTally& openings() const { return openings_; }

private:
    AcceptQueue* queue_of(std::uint32_t netns, const tcp::Endpoint& local, tcp::Family family);
    /// That the passively opened connection came through.
    AcceptQueue* queue_of(const track::ConnectionIdentity& accepted);
    void note_listener(const track::LiveSocket& socket);
    static void note_socket(AcceptQueue& queue, QueueSocket socket);
    static void note_accept(AcceptQueue& queue, const std::optional<event::Process>& by,
                            const track::Accept& accept);
    static void note_late(LateAccepts& late, Nanoseconds delay,
                          std::span<const track::PathStep> left, Weight weight);
    void note_unknown_accept(const track::ConnectionIdentity& who, tcp::Seen seen);
    void note_waiting(AcceptQueue& queue, const track::LiveSocket& socket, Weight weight) const;
    void note_accepted(AcceptQueue& queue, const track::LiveSocket& socket, Weight weight);

    const Flows& flows_;
    OpeningTally openings_;
    MonoTime now_{};
    MonoTime interval_begin_{};
    Queues queues_;
};

} // namespace tcpdwell::analysis

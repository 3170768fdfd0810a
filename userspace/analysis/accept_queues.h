// SPDX-License-Identifier: Apache-2.0
// How long connections wait for accept(): by listening endpoint, those that were accepted and those
// that are in the queue now.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "analysis/analysis.h"
#include "analysis/flows.h"
#include "analysis/histogram.h"
#include "analysis/lives.h"

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
    void clear_ended() { ended_.clear(); }
    void clear_live() { live_.clear(); }
    [[nodiscard]] std::vector<Accepted> list() const; ///< in no order

private:
    std::vector<Accepted> ended_;
    std::size_t next_ = 0; ///< is overwritten next, where there are kMost
    std::vector<Accepted> live_;
};

/// The accept queue of one listening endpoint (of all its sockets, with SO_REUSEPORT).
struct AcceptQueue {
    std::uint32_t netns = 0;
    tcp::Endpoint local;
    tcp::Family family = tcp::Family::ipv4;
    std::optional<event::Process> process; ///< that listens: the first one found
    std::vector<event::Process> holders;   ///< of the listening sockets, as far as looked up
    std::set<tcp::IpAddress> addresses;    ///< that it was reached at; some
    LogHistogram delays;                   ///< of ended connections
    LogHistogram live_delays;              ///< of those that are there now
    PromptAccepts prompt;
    std::uint64_t waiting = 0;            ///< established, and not accepted by any process
    std::uint64_t half_closed = 0;        ///< of which the peer has closed
    Nanoseconds oldest{};                 ///< of those that wait
    bool oldest_is_exact = true;          ///< else at least
    std::optional<MonoTime> since;        ///< the oldest has waited
    MonoTime seen_at{};                   ///< at the last look, where any waited
    std::vector<track::ConnectionId> ids; ///< of some that wait
    Likes likes;                          ///< further ones
    std::optional<std::uint64_t> queued;  ///< as the kernel counts them, at the last look
    std::optional<std::uint64_t> limit;   ///< the queue is full beyond it
    bool is_open = false;                 ///< there is a listener
};

/// Memory: some 300 bytes for each listening endpoint, and at most 60 KiB for its histograms and
/// 16 KiB for PromptAccepts; at most Flows::kMaxGroups endpoints.
class AcceptQueues : public Analysis {
public:
    explicit AcceptQueues(const Flows& flows) : flows_(flows) {}

    void on_connection(const track::ConnectionLine& line, Weight weight) override;
    void begin_live(MonoTime now) override;
    void on_live(const track::LiveSocket& socket, Weight weight) override;
    /// Adds `accept_delays` and `accept_queues`.
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime now) override;

    using Queues = std::map<std::pair<std::uint32_t, tcp::Endpoint>, AcceptQueue>;
    [[nodiscard]] const Queues& queues() const { return queues_; }

private:
    AcceptQueue* queue_of(std::uint32_t netns, const tcp::Endpoint& local, tcp::Family family);
    /// That the passively opened connection came through.
    AcceptQueue* queue_of(const track::ConnectionIdentity& accepted);
    void note_listener(const track::LiveSocket& socket);
    void note_waiting(AcceptQueue& queue, const track::LiveSocket& socket, Weight weight) const;
    static void note_accepted(AcceptQueue& queue, const track::LiveSocket& socket, Weight weight);

    const Flows& flows_;
    MonoTime now_{};
    Queues queues_;
};

} // namespace tcpdwell::analysis

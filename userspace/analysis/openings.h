// SPDX-License-Identifier: Apache-2.0
// How handshakes with listening endpoints went, as their two ends show it: the kernel counts
// overflows of accept queues for a whole network namespace, and these show which queue can't have.
#pragma once

#include <map>
#include <utility>

#include "analysis/analysis.h"
#include "analysis/flows.h"

namespace tcpdwell::analysis {

/// Ends of connections with one listening endpoint, by how their handshake went.
struct Openings {
    std::uint64_t all = 0;
    std::uint64_t established = 0; ///< at some time
    std::uint64_t delayed = 0;     ///< of clients: the SYN was sent again before it was answered
    /// No proof of a handshake that went through at once: it took longer than that, wasn't seen
    /// whole, or a segment was sent again later.
    std::uint64_t unclear = 0;

    Openings& operator+=(const Openings& other);
};

/// Memory: some 150 bytes for each endpoint that listens here, and for each that programs here
/// connect to; at most Flows::kMaxGroups of each.
class OpeningTally {
public:
    explicit OpeningTally(const Flows& flows) : flows_(flows) {}

    void on_connection(const track::ConnectionLine& line, Weight weight);
    void begin_live(MonoTime now);
    void on_live(const track::LiveSocket& socket, Weight weight);
    void next_interval();

    /// The listener's own ends.
    [[nodiscard]] Openings served(std::uint32_t netns, const tcp::Endpoint& listener) const;
    /// The clients' ends on this host. An address other than a loopback one is the host's own, in
    /// whichever of its namespaces.
    [[nodiscard]] Openings tried(std::uint32_t netns, const tcp::Endpoint& at) const;
    /// Whether there was room for all.
    [[nodiscard]] bool is_complete() const { return is_complete_; }

private:
    struct Sums {
        Openings ended;
        Openings live;
    };
    using Key = std::pair<std::uint32_t, tcp::Endpoint>;
    using Map = std::map<Key, Sums>;

    Sums* sums_of(const track::ConnectionIdentity& who);
    static Openings sum(const Map& map, const Key& key);

    const Flows& flows_;
    MonoTime now_{};
    Map served_;
    Map tried_;
    bool is_complete_ = true;
};

} // namespace tcpdwell::analysis

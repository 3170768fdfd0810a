// SPDX-License-Identifier: Apache-2.0
// Connections within this host, over all its network namespaces, as their clients and as their
// servers count them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "analysis/analysis.h"
#include "analysis/flows.h"

namespace tcpdwell::analysis {

/// Counted by the endpoint that is connected to. Where an address is translated in between, the two
/// ends have none in common, and aren't found here. Memory: some 300 bytes for each of at most
/// kMostEndpoints, and 48 for each of at most kMostAddresses of this host.
class LocalPairs : public Analysis {
public:
    static constexpr std::size_t kMostEndpoints = 10'000;
    static constexpr std::size_t kMostAddresses = 10'000;
    static constexpr std::size_t kMostRows = 1000;

    /// `is_filtered`: a filter may hide some ends, so the two counts can't be compared.
    explicit LocalPairs(bool is_filtered = false) : is_filtered_(is_filtered) {}

    void on_move(const track::StateMove& move, Weight) override;
    void on_connection(const track::ConnectionLine& line, Weight weight) override;
    void begin_live(MonoTime) override;
    void on_live(const track::LiveSocket& socket, Weight weight) override;
    /// Adds `both_ends_here`, if there are any.
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime) override { endpoints_.clear(); }

private:
    struct End {
        std::uint64_t ended = 0;
        std::uint64_t open = 0;
        std::uint64_t reset_sent = 0;
        std::uint64_t reset_received = 0;
        std::optional<event::Process> process; ///< the first; pid 0: several
        [[nodiscard]] std::uint64_t all() const { return ended + open; }
    };
    struct Ends {
        tcp::Family family = tcp::Family::ipv4;
        End client;
        End server;
    };
    /// Network namespace of a loopback address, else 0; and what is connected to.
    using Key = std::pair<std::uint32_t, tcp::Endpoint>;

    /// nullptr: it isn't known to be within this host, or there is no room.
    End* end_of(const track::ConnectionIdentity& who);
    static void note_process(End& end, const std::optional<event::Process>& process);

    bool is_filtered_;
    std::map<Key, Ends> endpoints_;
    std::set<tcp::IpAddress> addresses_; ///< of this host, of clients
};

} // namespace tcpdwell::analysis

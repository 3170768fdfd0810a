// SPDX-License-Identifier: Apache-2.0
// When somebody listened at an endpoint: connects are refused while nobody does, and a server that
// stops closes its listening socket.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "analysis/analysis.h"
#include "tcp/address.h"

namespace tcpdwell::analysis {

/// Memory: some 200 bytes for each endpoint that is or was listened at, at most kMostEndpoints.
class ListenerTimes : public Analysis {
public:
    static constexpr std::size_t kMostEndpoints = 50'000;

    struct Times {
        std::uint32_t open = 0; ///< listening sockets there now (SO_REUSEPORT: several)
        tcp::Family family = tcp::Family::ipv4;
        std::optional<event::Process> process; ///< whose the one is that came last
        /// Since when somebody listens there without a break; nullopt: nobody does, or since before
        /// it was traced.
        std::optional<MonoTime> since;
        std::uint64_t absences = 0;     ///< in this interval: how often nobody did any more
        std::optional<MonoTime> absent; ///< when the last one of these began
        std::optional<event::Process> absent_of; ///< whose the socket was that ended then
        /// Who closed that socket, and how; nullopt: not known.
        std::optional<event::Process> absent_by;
        std::optional<tcp::ClosedHow> absent_how;
        std::optional<MonoTime> ended; ///< of the socket that ended last
    };
    /// By network namespace, port and address.
    using Key = std::tuple<std::uint32_t, tcp::Port, tcp::IpAddress>;
    using Map = std::map<Key, Times>;

    void on_move(const track::StateMove& move, Weight) override;
    void on_live(const track::LiveSocket& socket, Weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime now) override;

    /// Of the listener that connections to that endpoint belong to. nullptr: none is known, or it
    /// isn't known which of several (whether one of [::] takes IPv4, too).
    [[nodiscard]] const Times* find(std::uint32_t netns, const tcp::Endpoint& at) const;
    /// Whether there is or was one that connections to that endpoint may have belonged to.
    [[nodiscard]] bool have_been(std::uint32_t netns, const tcp::Endpoint& at) const;
    /// The namespaces in which somebody listens, or has listened, at that very address.
    [[nodiscard]] std::set<std::uint32_t> namespaces_at(const tcp::Endpoint& at) const;
    /// One that listens at that port of that namespace now; end(): nobody does.
    [[nodiscard]] Map::const_iterator open_at_port(std::uint32_t netns, tcp::Port port) const;
    [[nodiscard]] const Map& all() const { return all_; }

private:
    template <class Call>
    void for_each_at(std::uint32_t netns, const tcp::Endpoint& at, Call call) const;

    Map all_;
    MonoTime begin_{}; ///< of this interval
};

} // namespace tcpdwell::analysis

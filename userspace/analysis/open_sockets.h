// SPDX-License-Identifier: Apache-2.0
// Which processes have sockets in which state now, and for how long: input for findings on sockets
// that still exist.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "analysis/analysis.h"
#include "analysis/thresholds.h"

namespace tcpdwell::analysis {

/// Sockets of one process in one state.
struct HeldSockets {
    tcp::State state;
    std::uint32_t netns;
    std::optional<event::Process>
        process; ///< nullopt: the kernel has no process for them any more (orphans)
    std::uint64_t sockets = 0;
    std::uint64_t old = 0;       ///< of which as old as the state's threshold
    Nanoseconds oldest{};        ///< at least
    bool oldest_is_exact = true; ///< its beginning was seen
    tcp::FourTuple oldest_tuple{};
    std::vector<track::ConnectionId> ids; ///< of some old ones
    std::map<tcp::IpAddress, std::uint64_t>
        hosts; ///< of the old ones, by remote address; at most kMaxHosts
    static constexpr std::size_t kMaxHosts = 10'000;
};

/// Only the states that something can be wrong with: SYN_SENT, FIN_WAIT2, CLOSE_WAIT, LAST_ACK,
/// CLOSING. Memory: some hundred bytes for each process that has sockets in them.
class OpenSockets : public Analysis {
public:
    explicit OpenSockets(const Thresholds& thresholds);

    void begin_live(MonoTime now) override;
    void on_live(const track::LiveSocket& socket) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime) override {}

    /// The most old ones first.
    [[nodiscard]] std::vector<const HeldSockets*> in(tcp::State state) const;

private:
    using Key = std::tuple<tcp::State, std::uint32_t, std::uint32_t>; ///< state, namespace, pid
    EnumArray<tcp::State, Nanoseconds> old_from_;
    MonoTime now_{};
    std::map<Key, HeldSockets> holdings_;
};

} // namespace tcpdwell::analysis

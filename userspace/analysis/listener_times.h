// SPDX-License-Identifier: Apache-2.0
// When somebody listened at an endpoint: connects are refused while nobody does, and a server that
// stops closes its listening socket.
#pragma once

#include <optional>
#include <vector>

#include "analysis/analysis.h"
#include "tcp/listener_index.h"

namespace tcpdwell::analysis {

/// Memory: some 200 bytes for each endpoint that is or was listened at, at most kMostEndpoints.
class ListenerTimes : public Analysis {
public:
    static constexpr std::size_t kMostEndpoints = 50'000;

    struct Times {
        std::uint32_t open = 0; ///< listening sockets there now (SO_REUSEPORT: several)
        tcp::Family family = tcp::Family::ipv4;
        std::optional<MonoTime> began;          ///< of the one that began last, if that was seen
        std::optional<event::Process> process;  ///< whose that one is
        std::uint64_t ends = 0;                 ///< of listening sockets there
        std::optional<MonoTime> ended;          ///< of the one that ended last
        std::optional<event::Process> ended_of; ///< whose that one was
    };

    void on_move(const track::StateMove& move, Weight) override;
    void on_live(const track::LiveSocket& socket, Weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime) override {}

    /// Of the listeners that connections to that endpoint belong to; nullptr: none is known.
    [[nodiscard]] const Times* find(std::uint32_t netns, const tcp::Endpoint& at) const;
    /// Where that port is listened at now, in that namespace.
    [[nodiscard]] std::vector<std::pair<tcp::IpAddress, const Times*>>
    open_at_port(std::uint32_t netns, tcp::Port port) const;

private:
    tcp::ListenerIndex<Times> index_;
};

} // namespace tcpdwell::analysis

// SPDX-License-Identifier: Apache-2.0
// What the screen keeps of one connection, whether it is there or has ended.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/flows.h"
#include "track/tracker.h"

namespace tcpdwell::screen {

struct ConnectionEntry {
    track::ConnectionId id = 0;
    tcp::FourTuple tuple;
    analysis::ServiceKey service; ///< with the listening endpoint, as far as it is known
    std::uint32_t netns = 0;
    tcp::Role role = tcp::Role::unknown;
    std::optional<event::Process> process;
    tcp::State state = tcp::State::CLOSE; ///< CLOSE: it has ended
    MonoTime since{};                     ///< when `state` began, at the latest
    std::optional<MonoTime> opened;       ///< nullopt: not seen
    tcp::Ending ending = tcp::Ending::unknown;
    tcp::EndingDetail detail = tcp::EndingDetail::none;
    tcp::ClosedFirst closed_first = tcp::ClosedFirst::unknown;
    EnumArray<tcp::State, std::optional<Nanoseconds>>
        dwell; ///< in the states that it has left, where that is known; of a state that it was in
               ///< twice, the last
    std::optional<Nanoseconds> accept_delay;
    OptionalNumber<std::uint64_t> sent;          ///< bytes, as far as they were looked up
    OptionalNumber<std::uint64_t> received;      ///< bytes
    OptionalNumber<std::uint32_t> unread;        ///< bytes; of a listener: connections
    OptionalNumber<std::uint32_t> retransmitted; ///< segments
    std::vector<event::Process> holders;         ///< of an open socket, where they were looked up

    bool is_joined = false; ///< it was there before tracing began

    [[nodiscard]] bool is_listener() const { return tuple.remote.empty(); }
    /// Who connected, accepted or listens; "": not known.
    [[nodiscard]] std::string_view comm() const { return process ? process->comm() : ""; }
};

ConnectionEntry entry_of(const track::LiveSocket& socket, const analysis::Flows& flows);
ConnectionEntry entry_of(const track::ConnectionLine& line, const analysis::Flows& flows,
                         MonoTime now);

} // namespace tcpdwell::screen

// SPDX-License-Identifier: Apache-2.0
// All that is shown of one moment: it depends on nothing else, so that a frozen screen can still be
// sorted, filtered and looked into.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/pulse.h"
#include "report/report.h"
#include "screen/connection_entry.h"

namespace tcpdwell::screen {

/// What a table has a row for.
enum class TableKind : std::uint8_t { services, programs, remotes, ports, connections };
constexpr std::size_t kTables = 5;

/// What distinguishes a row from the others of its table, the same in each moment.
struct RowKey {
    analysis::ServiceKey
        service;           ///< of a program its name only; of remotes and ports the namespace
    tcp::Endpoint remote;  ///< of remotes and ports
    tcp::IpAddress local;  ///< of ports
    bool is_bound = false; ///< ports that bind() chose, which are held towards all
    track::ConnectionId connection = 0; ///< of connections, which have only this

    auto operator<=>(const RowKey&) const = default;
};

/// A service, a program, a remote server, or the local ports towards one.
struct GroupRow {
    RowKey key;
    std::array<char, TD_COMM_LEN> comm{}; ///< of the only program; zeros: several, or not known
    std::uint32_t pid = 0;                ///< of the only process; 0: several, or not known
    std::uint64_t listeners = 0;          ///< of a program: the endpoints that it serves
    analysis::EndCounts total; ///< connections that ended since ScreenData::begin, or are open
    EnumArray<tcp::State, std::uint64_t> sockets; ///< now
    std::uint64_t opened = 0;                     ///< connections whose beginning was seen
    std::optional<double> opened_per_second;      ///< since the moment before
    std::uint64_t time_wait_peak = 0;
    std::uint64_t held = 0;             ///< ports now
    std::uint64_t peak = 0;             ///< ports at one time
    std::optional<std::uint64_t> limit; ///< ports that there are
};

/// A finding, and for how long nothing about it has changed.
struct FindingRow {
    const report::Finding* finding; ///< in ScreenData::report
    Nanoseconds unchanged;
};

/// What is read, and where it is.
struct SourceState {
    std::string name; ///< as the user wrote it; "live"
    std::string host; ///< that recorded it; "": not known, or this one
    std::string filter;
    bool is_live = true;
    bool is_paused = false;              ///< of a recording, whose time doesn't go on then
    bool has_ended = false;              ///< of a recording: there is no more
    bool is_seeking = false;             ///< of a recording: on the way to another place
    double speed = 0;                    ///< 0: as fast as it can be read
    std::optional<Nanoseconds> position; ///< in the recording; and its length
    std::optional<Nanoseconds> length;
};

struct ScreenData {
    /// Of sockets that there are, those that changed last are kept; of connections that have ended,
    /// those that ended last.
    static constexpr std::size_t kMostOpen = 50'000;
    static constexpr std::size_t kMostEnded = 5'000;

    SourceState source;
    WallTime wall{};
    MonoTime now{};
    MonoTime begin{};          ///< of what is counted
    std::uint64_t lost = 0;    ///< events, of the whole run
    std::uint64_t holes = 0;   ///< in the recording
    std::uint64_t unseen = 0;  ///< events, at least
    std::uint64_t sockets = 0; ///< that there are and that pass the filter
    analysis::PulseStep present;
    std::deque<analysis::PulseStep> steps;
    Nanoseconds step{};
    double retransmitted_per_second = 0; ///< see analysis::Pulse
    report::Report report;
    std::vector<FindingRow> findings; ///< the most severe first
    std::vector<GroupRow> services;
    std::vector<GroupRow> programs;
    std::vector<GroupRow> remotes;
    std::vector<GroupRow> ports;
    std::vector<ConnectionEntry> open;               ///< listeners too
    std::vector<ConnectionEntry> ended;              ///< the last one first
    std::map<std::uint64_t, std::string> containers; ///< by cgroup, as views show it; "": not known

    /// "": not known.
    [[nodiscard]] std::string_view container_of(std::uint64_t cgroup) const {
        const auto found = containers.find(cgroup);
        return found == containers.end() ? std::string_view() : found->second;
    }

    /// Of a table of groups. TableKind::connections has none.
    [[nodiscard]] const std::vector<GroupRow>& groups(TableKind kind) const;
    /// Whether the connection is one of those behind the row of that table.
    [[nodiscard]] static bool is_of(TableKind kind, const RowKey& key,
                                    const ConnectionEntry& entry);
};

} // namespace tcpdwell::screen

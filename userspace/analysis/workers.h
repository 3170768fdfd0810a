// SPDX-License-Identifier: Apache-2.0
// What each process that serves one connection at a time is occupied with.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "analysis/analysis.h"
#include "base/word_enum.h"

namespace tcpdwell::analysis {

// clang-format off
#define TCPDWELL_OCCUPIED_BY_LIST(X) \
    X(silent_client, "silent_client")           /* has sent nothing since the handshake */ \
    X(unread_answer, "unread_answer")           /* the client's window is 0, and bytes wait */ \
    X(unanswered_request, "unanswered_request") /* was read, and nothing was sent since */
// clang-format on
TCPDWELL_WORD_ENUM(OccupiedBy, TCPDWELL_OCCUPIED_BY_LIST)

/// The only connection that a process has accepted and not closed, and what keeps it.
struct Occupation {
    OccupiedBy with;
    tcp::FourTuple tuple;
    track::ConnectionId id;
    Nanoseconds lasting;      ///< at the last look
    std::uint64_t unsent = 0; ///< bytes
    /// Where the process has sent something since it has been occupied so, and nothing came back
    /// but an ACK.
    struct Asked {
        tcp::Endpoint remote;
        tcp::Family family;
        Nanoseconds silent; ///< nothing came from there for so long
    };
    std::optional<Asked> asked{};
};

/// Of what is there at a report. Memory: some 200 bytes for each of at most kMostProcesses.
class Workers : public Analysis {
public:
    static constexpr std::size_t kMostProcesses = 10'000;

    void begin_live(MonoTime now) override;
    void on_live(const track::LiveSocket& socket, Weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime) override {}

    /// nullopt: the process has no connection that it accepted, or several, or what keeps it isn't
    /// known.
    [[nodiscard]] std::optional<Occupation> occupation_of(std::uint32_t pid) const;

private:
    /// The last thing that it sent on a connection that it hasn't accepted.
    struct Sent {
        tcp::Endpoint remote;
        tcp::Family family{};
        MonoTime at{};
        Nanoseconds lasting{}; ///< since then
        Nanoseconds silent{};  ///< since a segment came from there
    };
    struct Worker {
        std::uint64_t served = 0; ///< connections that it has accepted and not closed
        std::optional<Occupation> with;
        std::optional<MonoTime> asked_from; ///< what it has sent since then may be for this one
        std::optional<Sent> sent;
    };

    void note_served(Worker& worker, const track::LiveSocket& socket) const;
    void note_sent(Worker& worker, const track::LiveSocket& socket) const;

    MonoTime now_{};
    std::unordered_map<std::uint32_t, Worker> by_pid_;
};

} // namespace tcpdwell::analysis

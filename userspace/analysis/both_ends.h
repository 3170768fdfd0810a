// SPDX-License-Identifier: Apache-2.0
// Finds the lines of several hosts that describe the same connection, one from each of its ends.
// Pure: it reads summaries and returns pairs; the result is deterministic.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "analysis/end_summaries.h"

namespace tcpdwell::analysis {

/// A line: which host's, and which of its summaries.
struct EndRef {
    std::uint32_t host;
    std::uint32_t line;

    auto operator<=>(const EndRef&) const = default;
};

struct JoinedEnds {
    EndRef client;
    EndRef server;

    auto operator<=>(const JoinedEnds&) const = default;
};

/// Two lines match if their four-tuples are mirrored and they are of different hosts.
/// Ports are used again: of several, those go together whose opening times are nearest (where one
/// isn't known, whose endings are; where those aren't known either, that were there at the same
/// time), no further apart than kTolerance by the hosts' clocks, which are first set by each other
/// (clock_difference()). A line is used once, the nearest pairs first.
///
/// Addresses may be in use on several hosts (those of containers are): a connection with both ends
/// on one host stays there.
class BothEnds {
public:
    static constexpr Nanoseconds kTolerance = std::chrono::seconds(30);

    explicit BothEnds(std::span<const EndSummaries> hosts);

    /// By client, then server.
    [[nodiscard]] const std::vector<JoinedEnds>& joined() const { return joined_; }
    /// Whether it is one of a pair; also of one within its host.
    [[nodiscard]] bool has_partner(EndRef end) const { return has_partner_[end.host][end.line]; }
    /// `other`'s clock minus `host`'s clock, estimated from the connections between them; 0 if
    /// there is no such connection.
    [[nodiscard]] Nanoseconds clock_difference(std::uint32_t host, std::uint32_t other) const;

private:
    struct Entry { ///< a line, where it can be found by what its tuple and the mirrored one have in
                   ///< common
        std::uint64_t hash;
        EndRef end;
    };
    struct Line {
        EndRef end;
        bool forward; ///< seen from the lesser endpoint
        std::int64_t from;
        std::int64_t until;
    };
    using Side = std::span<const Line>; ///< lines of one host and direction, by `from`
    struct Candidate {
        bool across; ///< between two hosts
        std::int64_t distance;
        EndRef a;
        EndRef b;

        auto operator<=>(const Candidate&) const = default;
    };

    [[nodiscard]] const EndSummary& at(EndRef end) const { return hosts_[end.host][end.line]; }
    [[nodiscard]] std::int64_t offset(std::uint32_t host, std::uint32_t other) const;
    std::vector<Entry> index() const;
    /// The lines of a group whose tuples are the same or mirrored, by side.
    void gather(std::span<const Entry> group);
    void sample_clocks();
    void set_clocks();
    void join_group();
    void propose(Side a, Side b);
    void consider(const Line& a, const Line& b);
    void join(EndRef a, EndRef b);

    std::span<const EndSummaries> hosts_;
    std::vector<Line> lines_; ///< of the group under way, as are the following
    std::vector<Side> sides_;
    std::vector<Candidate> candidates_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<std::int64_t>>
        samples_; ///< by host < other
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> clocks_;
    std::vector<std::vector<bool>> has_partner_;
    std::vector<JoinedEnds> joined_;
};

/// Who closed first, in terms of the connection instead of a side.
enum class Closer : std::uint8_t { client, server, both, none, unknown };
std::string_view name(Closer who);
Closer closer_by_client(tcp::ClosedFirst reported);
Closer closer_by_server(tcp::ClosedFirst reported);

// clang-format off
#define TCPDWELL_AGREEMENT_LIST(X)                                                      \
    X(client, "client") /* both say so */                                               \
    X(server, "server")                                                                 \
    X(both, "both")                                                                     \
    X(none, "none")                                                                     \
    X(crossed, "crossed") /* each sent its own FIN or RST before it had the other's */  \
    /* one of them doesn't know, or stopped looking before the connection was closed */ \
    X(not_told, "not_told")                                                             \
    X(disagree, "disagree")
// clang-format on

/// Result of comparing what the two ends recorded on who closed first.
TCPDWELL_WORD_ENUM(Agreement, TCPDWELL_AGREEMENT_LIST)

Agreement agreement(const EndSummary& client, const EndSummary& server);

} // namespace tcpdwell::analysis

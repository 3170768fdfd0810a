// SPDX-License-Identifier: Apache-2.0
// The ends of connections that ended badly a short time ago, to find the other end of one where
// both are on this host: by the four-tuple, or, through address translation, by the client's
// address and port.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "analysis/analysis.h"
#include "analysis/end_cause.h"

namespace tcpdwell::analysis {

struct PartyEnds;

/// Memory: at most 20 MiB.
class RecentEnds {
public:
    struct End {
        PartyEnds* party;
        EndCause cause;
        MonoTime closed;
        tcp::Endpoint service; ///< as this end knows it
        track::ConnectionId id;
        tcp::EndingDetail detail;
        bool is_translated = false;    ///< found by its client's endpoint only
        bool is_answered_late = false; ///< of a connect that was given up before
    };

    /// Which is forgotten. Both ends of a connection end within a round trip and a timer of the
    /// close.
    std::optional<End> take_other_of(const track::ConnectionLine& line);
    /// The other end of one that is still open, at least since then; nullptr: none has ended since.
    [[nodiscard]] const End* find_other_of(const track::ConnectionIdentity& who,
                                           MonoTime since) const;
    /// This very end, if it ended shortly before that.
    [[nodiscard]] End* find(std::uint32_t netns, const tcp::FourTuple& tuple, MonoTime at);
    void note(const track::ConnectionLine& line, PartyEnds& party, EndCause cause);
    void clear();

private:
    std::optional<End> take(std::uint64_t key, MonoTime closed);
    void put(std::uint64_t key, const End& end);

    std::unordered_map<std::uint64_t, End> ends_; ///< by a hash of the four-tuple, or of the client
    std::deque<std::uint64_t> order_;
};

} // namespace tcpdwell::analysis

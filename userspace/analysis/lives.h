// SPDX-License-Identifier: Apache-2.0
// When the connections that findings name were in which state.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <unordered_map>
#include <vector>

#include "analysis/analysis.h"
#include "report/report.h"
#include "track/tracker.h"

namespace tcpdwell::analysis {

/// Connections that are of a kind with the few that a finding names, for its timeline.
class Likes {
public:
    static constexpr std::size_t kMost = 16;

    /// Returns whether it is one of them now, and wasn't before.
    bool note(track::ConnectionId id) {
        if (ids_.size() == kMost || std::ranges::find(ids_, id) != ids_.end()) return false;
        ids_.push_back(id);
        return true;
    }
    void forget(track::ConnectionId id) { std::erase(ids_, id); }
    void clear() { ids_.clear(); }
    [[nodiscard]] const std::vector<track::ConnectionId>& list() const { return ids_; }

private:
    std::vector<track::ConnectionId> ids_;
};

/// The states of one connection, oldest first.
struct Life {
    struct Span {
        tcp::State state;
        std::optional<MonoTime> begin; ///< nullopt: nothing is known of it
        bool begin_is_exact = false;   ///< false: it was in the state by then
        std::optional<MonoTime> end;   ///< nullopt: not known, or it is in the state still
    };
    static constexpr std::size_t kMostSpans = 12; ///< the last ones

    tcp::FourTuple tuple;
    std::optional<tcp::Ending> ending; ///< nullopt: it hasn't ended
    std::vector<Span> spans;
};

Life life_of(const track::ConnectionLine& line);
Life life_of(const track::LiveSocket& socket);

/// The lives of ended connections that may be named by a finding, which is decided later: at most
/// kMost, some 300 bytes each.
class Lives {
public:
    static constexpr std::size_t kMost = 16'384;
    /// Connections that may be quite in order don't take the room of those that aren't.
    enum class What : std::uint8_t { any, ended_badly };
    static constexpr std::size_t kMostOfAny = kMost / 2;
    static constexpr std::size_t kMostInFinding = 20;

    void keep(const track::ConnectionLine& line, What what);
    void clear();

    /// Adds the lives of the connections that each finding names, also of those that `tracker` has
    /// now.
    void add_to(report::Findings& findings, const track::Tracker& tracker,
                const ReportContext& moment) const;

private:
    std::unordered_map<track::ConnectionId, Life> lives_;
    std::size_t any_ = 0;
};

} // namespace tcpdwell::analysis

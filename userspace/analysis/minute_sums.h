// SPDX-License-Identifier: Apache-2.0
// What happened in each minute, by service, role and state: sums that hosts and minutes can be
// added up of.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tsl/robin_map.h>
#include <vector>

#include "analysis/analysis.h"
#include "analysis/gauge.h"
#include "analysis/metric_services.h"

namespace tcpdwell::analysis {

/// How so many connections ended.
struct EndedCount {
    tcp::ClosedFirst closed_first;
    tcp::Ending ending;
    std::uint64_t connections;
};

/// Connections of a service in one role and state; without listeners.
struct StateSums {
    Gauge held;                ///< how many were in it
    std::uint64_t entered = 0; ///< it, from another state or from none
    BucketHistogram dwell;     ///< of those that left it, and whose time of entering it was seen
    std::uint64_t opened = 0;  ///< connections that began, with this state
    std::vector<EndedCount> ended; ///< connections whose last state it was

    [[nodiscard]] bool is_empty() const {
        return held.now() == 0 && held.peak() == 0 && entered == 0 && opened == 0 &&
               dwell.is_empty() && ended.empty();
    }
};

struct MinuteRow {
    MonoTime begin;
    MonoTime end;
    const std::string& service;   ///< as the label of the metrics
    const std::string& container; ///< as views show it; "": not known
    tcp::Role role;
    tcp::State state;
    const StateSums& sums; ///< `held` up to `end`
};

/// Memory: some 4 KB for each service and role that has connections, or had some in this minute;
/// past kMostGroups the rest is the service "other".
class MinuteSums final : public track::TrackerListener {
public:
    static constexpr std::size_t kMostGroups = 4096;

    explicit MinuteSums(NameOfCgroup container) : container_(std::move(container)) {}

    /// Before any line. Minutes are those of the clock.
    void begin(MonoTime at, const ClockAnchor& clock);
    /// Everything before `now` has come: hands out the minutes that are over. Minutes in which
    /// nothing comes are one row of their own if they are more than a day (a recording with a
    /// hole).
    void advance(MonoTime now, const ClockAnchor& clock,
                 const std::function<void(const MinuteRow&)>& visit);
    /// Nothing more will come: the minute under way too.
    void finish(MonoTime now, const std::function<void(const MinuteRow&)>& visit);

    void on_move(const track::StateMove& move) override;
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine&) override {}

private:
    struct Key {
        std::array<char, TD_COMM_LEN> comm{};
        tcp::Port port = 0; ///< of a listener; 0: it connects
        tcp::Role role = tcp::Role::unknown;
        std::string container;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const;
    };
    struct Group {
        Key key;
        std::string service;
        EnumArray<tcp::State, StateSums> states;
        std::uint64_t sockets = 0;
        bool is_used = false; ///< something has been counted in it since it was made
    };

    [[nodiscard]] std::uint32_t& entry_of(const track::ConnectionIdentity& who);
    std::uint32_t group_of(const track::ConnectionIdentity& who);
    void hand_out(MonoTime end, const std::function<void(const MinuteRow&)>& visit);
    /// The lines of a minute come with the latest at its end, or they count for the next.
    [[nodiscard]] MonoTime counted_at(MonoTime at) const { return std::max(at, begin_); }

    NameOfCgroup container_;
    std::vector<Group> groups_;
    std::vector<std::uint32_t> free_; ///< in groups_
    tsl::robin_map<Key, std::uint32_t, KeyHash> index_;
    std::vector<std::uint32_t> groups_by_slot_; ///< 0: not counted; else the group, plus 1
    MonoTime begin_{};
    MonoTime end_{};
};

} // namespace tcpdwell::analysis

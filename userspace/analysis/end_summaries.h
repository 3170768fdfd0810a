// SPDX-License-Identifier: Apache-2.0
// Summary of what one host saw of its connections: enough to find the other host's view of each
// and to compare the two.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "track/connection.h"

namespace tcpdwell::analysis {

/// One end of a connection. 64 bytes; the states are stored separately (EndSummaries::states()).
struct EndSummary {
    static constexpr std::int64_t kNotKnown = INT64_MIN;

    tcp::Endpoint local;
    tcp::Endpoint remote;
    tcp::Family family = tcp::Family::ipv4;
    tcp::Role role = tcp::Role::unknown;
    tcp::ClosedFirst closed_first = tcp::ClosedFirst::unknown;
    tcp::Ending ending = tcp::Ending::unknown;
    tcp::EndingDetail detail = tcp::EndingDetail::none;
    tcp::Seen seen = tcp::Seen::whole;
    bool selected = true;   ///< the user's filter lets it pass
    std::uint8_t steps = 0; ///< how many states
    std::uint32_t first_step = 0;
    std::int64_t opened_ns = kNotKnown; ///< wall time of this host
    std::int64_t over_ns = kNotKnown;   ///< when it ended, but for TIME_WAIT

    [[nodiscard]] bool has_opened() const { return opened_ns != kNotKnown; }
    [[nodiscard]] bool is_over() const { return over_ns != kNotKnown; }
};

/// All of one host, in the order in which they were added. At most `most` are kept, some 120 bytes
/// each; the rest is counted.
class EndSummaries {
public:
    static constexpr std::size_t kMost = 2'000'000;

    /// `host`: what the host is called in the report; no two hosts may share a name.
    explicit EndSummaries(std::string host, std::size_t most = kMost)
        : host_(std::move(host)), most_(most) {}

    /// `clock`: of this host, at the time of the line. Connections without a peer, and those that
    /// can't leave the host (loopback addresses, or one address at both ends), are left out.
    void add(const track::ConnectionLine& line, const ClockAnchor& clock, bool selected);
    /// The time that the host's recordings cover.
    void set_span(WallTime begin, WallTime end);

    [[nodiscard]] const std::string& host() const { return host_; }
    [[nodiscard]] std::size_t size() const { return ends_.size(); }
    [[nodiscard]] const EndSummary& operator[](std::size_t i) const { return ends_[i]; }
    [[nodiscard]] std::vector<track::PathStep> states(const EndSummary& end) const;
    /// Time spent in a state, over all visits; nullopt: it wasn't in it, or its length wasn't seen.
    [[nodiscard]] std::optional<Nanoseconds> time_in(const EndSummary& end, tcp::State state) const;
    [[nodiscard]] bool has_been_in(const EndSummary& end, tcp::State state) const;
    [[nodiscard]] bool owns(const tcp::IpAddress& address) const {
        return addresses_.contains(address);
    }
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; } ///< because of the limit
    [[nodiscard]] WallTime begin() const { return begin_; }
    [[nodiscard]] WallTime end() const { return end_; }

private:
    std::string host_;
    std::size_t most_;
    std::vector<EndSummary> ends_;
    std::vector<tcp::State> states_;     ///< of all ends, one after the other
    std::vector<std::int64_t> dwells_;   ///< parallel to states_
    std::set<tcp::IpAddress> addresses_; ///< local ones
    std::uint64_t left_out_ = 0;
    WallTime begin_{};
    WallTime end_{};
};

} // namespace tcpdwell::analysis

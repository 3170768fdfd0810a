// SPDX-License-Identifier: Apache-2.0
// When remote hosts were heard, on whichever connection.
#pragma once

#include <tsl/robin_map.h>

#include <optional>
#include <utility>
#include <vector>

#include "analysis/analysis.h"
#include "base/hash.h"

namespace tcpdwell::analysis {

/// Of the connections that were opened before any time, when one was heard last. At most kMost are
/// distinguished: those that were heard long ago less finely.
class HeardByAge {
public:
    static constexpr std::size_t kMost = 32;

    void note(MonoTime opened, MonoTime heard);
    /// nullopt: none of them was.
    [[nodiscard]] std::optional<MonoTime> last_of_opened_before(MonoTime time) const;

private:
    struct Heard {
        MonoTime opened;
        MonoTime last;
    };
    void make_room();

    std::vector<Heard> list_; ///< both times grow
};

/// By what only a segment of the peer brings about: states, and numbers where they are read.
/// Memory: at most 1 KiB for each of at most kMostHosts.
class HeardHosts : public Analysis {
public:
    static constexpr std::size_t kMostHosts = 10'000;
    static constexpr std::size_t kMostSpans = 32; ///< of each host, the last ones

    void on_transition(const track::TransitionLine& line, Weight) override;
    void on_connection(const track::ConnectionLine& line, Weight) override;
    void begin_live(MonoTime now) override { now_ = now; }
    void on_live(const track::LiveSocket& socket, Weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime now) override;

    /// On a connection that was opened then; nullopt: that isn't known.
    void note(std::uint32_t netns, const tcp::IpAddress& host, MonoTime at,
              std::optional<MonoTime> opened = std::nullopt);
    /// After the first time, and before the other one.
    [[nodiscard]] bool were_heard_between(std::uint32_t netns, const tcp::IpAddress& host,
                                          MonoTime from, MonoTime until) const;
    /// nullopt: not at all.
    [[nodiscard]] std::optional<MonoTime> last_heard(std::uint32_t netns,
                                                     const tcp::IpAddress& host) const;
    /// On connections that were opened before that time. nullopt: on none of them.
    [[nodiscard]] std::optional<MonoTime>
    last_heard_on_older(std::uint32_t netns, const tcp::IpAddress& host, MonoTime opened) const;

private:
    /// In which it was heard again and again.
    struct Span {
        MonoTime first;
        MonoTime last;
    };
    using Spans = std::vector<Span>; ///< in their order
    struct Times {
        Spans spans;
        HeardByAge by_age;
    };
    static void note_span(Spans& spans, MonoTime at);

    using Host = std::pair<std::uint32_t, tcp::IpAddress>; ///< by network namespace
    struct HostHash {
        std::size_t operator()(const Host& host) const {
            return mix64(host.second.bytes, host.first);
        }
    };

    MonoTime now_{};
    MonoTime begin_{}; ///< of this interval
    tsl::robin_map<Host, Times, HostHash> hosts_;
};

} // namespace tcpdwell::analysis

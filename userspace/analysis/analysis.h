// SPDX-License-Identifier: Apache-2.0
// What an analysis is: it takes the tracker's lines and adds sections to a report.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "analysis/host_facts.h"
#include "event/filter.h"
#include "report/report.h"
#include "track/tracker.h"

namespace tcpdwell::analysis {

using NameOfCgroup = std::function<std::optional<std::string_view>(std::uint64_t id)>;

/// What is known of a cgroup by its id; no function: nothing.
struct CgroupNames {
    NameOfCgroup path;
    NameOfCgroup container = {}; ///< as views show it (event/container_path.h)

    [[nodiscard]] std::optional<std::string_view> path_of(std::uint64_t id) const {
        return id != 0 && path ? path(id) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::string_view> container_of(std::uint64_t id) const {
        return id != 0 && container ? container(id) : std::nullopt;
    }
};

/// The time that a report covers, and the other data that it may use.
struct ReportContext {
    MonoTime begin;
    MonoTime now;
    const ClockAnchor& clock;
    const HostFacts& host;
    CgroupNames cgroups = {};
};

/// What a connection, listener or reset that is looked at counts for: of a sample (--sample) each
/// connection stands for so many.
using Weight = std::uint64_t;

/// Memory is bounded as each analysis documents, not by the number of connections.
class Analysis {
public:
    virtual ~Analysis() = default;

    virtual void on_move(const track::StateMove&, Weight) {}
    /// After the move that goes with it.
    virtual void on_transition(const track::TransitionLine&, Weight) {}
    virtual void on_connection(const track::ConnectionLine&, Weight) {}

    /// A report is due: what is there now is shown, one by one.
    virtual void begin_live(MonoTime) {}
    virtual void on_live(const track::LiveSocket&, Weight) {}
    /// Adds its sections.
    virtual void add_to(report::Report&, const ReportContext&) = 0;
    /// The next report covers what happens from now on. Counts of existing sockets are carried
    /// over.
    virtual void next_interval(MonoTime) = 0;
};

} // namespace tcpdwell::analysis

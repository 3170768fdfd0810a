// SPDX-License-Identifier: Apache-2.0
// From the tracker's lines to rows of cells, in the order of report/schemas.h.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "report/value.h"
#include "track/connection.h"

namespace tcpdwell::run {

using TransitionRow = std::array<report::Value, 15>;
using ConnectionRow = std::array<report::Value, 32>;
using LostRow = std::array<report::Value, 2>;
using StrayResetRow = std::array<report::Value, 7>;

/// What is known of a cgroup.
struct CgroupCells {
    std::optional<std::string_view> path;
    std::optional<std::string_view> container;
};
/// The cells view into the line's identity, and into `cgroup`.
TransitionRow to_row(const track::TransitionLine& line, const ClockAnchor& clock,
                     const CgroupCells& cgroup);
/// What the cells of a connection's row view into.
struct ConnectionCells {
    std::vector<report::StateSpan> states;
    std::array<report::ObjectPart, 2> accept;
    std::array<report::ObjectPart, 6> bytes;
    std::array<report::ObjectPart, 3> segments;
    std::array<report::ObjectPart, 2> rtt;
    std::array<report::ObjectPart, 2> limited;
    std::array<report::ObjectPart, 2> idle;
    std::vector<report::ProcessValue> holders;
};
ConnectionRow to_row(const track::ConnectionLine& line, const ClockAnchor& clock,
                     const CgroupCells& cgroup, ConnectionCells& cells);
LostRow to_row(const track::LostLine& line, const ClockAnchor& clock);
StrayResetRow to_row(const track::StrayResetLine& line, const ClockAnchor& clock);

} // namespace tcpdwell::run

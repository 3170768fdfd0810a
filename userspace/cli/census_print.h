// SPDX-License-Identifier: Apache-2.0
// What `census` prints.
#pragma once

#include <span>

#include "render/renderer.h"
#include "run/census.h"

namespace tcpdwell {

/// How the output is to look.
struct CensusStyle {
    Format format = Format::table;
    TableStyle table;
    bool show_netns = false; ///< in tables: there is more than one namespace
};

/// Counts by state, then who holds sockets in CLOSE_WAIT, then the listeners. CSV has the counts
/// only.
void print_census(Output& out, const CensusStyle& style, std::span<const MetaEntry> meta,
                  std::span<const CensusSocket> sockets);

/// One row for each group, one column for each state; a table leaves out states that nothing is in.
void print_groups(Output& out, const CensusStyle& style, std::span<const MetaEntry> meta,
                  GroupBy by, std::span<const CensusGroup> groups);

} // namespace tcpdwell

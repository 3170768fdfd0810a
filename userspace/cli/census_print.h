// SPDX-License-Identifier: Apache-2.0
// What `census` prints.
#pragma once

#include <span>

#include "render/renderer.h"
#include "run/census.h"

namespace tcpdwell::cli {

/// How the output is to look.
struct CensusStyle {
    render::Format format = render::Format::table;
    render::TableStyle table;
    bool show_netns = false; ///< in tables: there is more than one namespace
};

/// Counts by state, then who holds sockets in CLOSE_WAIT, then the listeners. CSV has the counts
/// only.
void print_census(render::Output& out, const CensusStyle& style,
                  std::span<const render::MetaEntry> meta,
                  std::span<const run::CensusSocket> sockets);

/// One row for each group, one column for each state; a table leaves out states that nothing is in.
void print_groups(render::Output& out, const CensusStyle& style,
                  std::span<const render::MetaEntry> meta, run::GroupBy by,
                  std::span<const run::CensusGroup> groups);

} // namespace tcpdwell::cli

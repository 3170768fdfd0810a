// SPDX-License-Identifier: Apache-2.0
// Says to other processes of this host that one exports what it traces.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"

namespace tcpdwell::cli {

/// A name that only one process can have at a time, until the descriptor is closed: nullopt, if
/// another one exports to that server. That is looked for in this network namespace, and waited for
/// a moment: children of one that was killed may still have it. Whatever else fails, nobody knows
/// of another one, and the descriptor is none.
std::optional<Fd> mark_exporter(const std::string& server);

} // namespace tcpdwell::cli

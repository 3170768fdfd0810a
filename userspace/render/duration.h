// SPDX-License-Identifier: Apache-2.0
// Durations as people read them.
#pragma once

#include <string>

#include "base/time.h"

namespace tcpdwell::render {

/// Appends a duration with its unit, rounded to 3 significant digits (seconds: 4): "812ns",
/// "41.2us", "3.05ms", "60.42s", then "2m 03s" from 2 minutes, "1h 05m" from 1 hour, "3d 04h" from
/// 1 day.
void append_duration(std::string& out, Nanoseconds duration);

} // namespace tcpdwell::render

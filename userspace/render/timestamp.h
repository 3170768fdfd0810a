// SPDX-License-Identifier: Apache-2.0
// Points in time as text.
#pragma once

#include <array>
#include <string>

#include "base/time.h"

namespace tcpdwell::render {

/// RFC 3339 in UTC with nanoseconds: "2026-01-02T03:04:05.006007008Z". Not terminated.
using Rfc3339 = std::array<char, 30>;
Rfc3339 rfc3339(WallTime time);

/// Appends the local time of day with microseconds, cut and not rounded: "12:34:56.123456". The
/// zone is that of tzset(3).
void append_time_of_day(std::string& out, WallTime time);

} // namespace tcpdwell::render

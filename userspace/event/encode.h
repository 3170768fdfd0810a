// SPDX-License-Identifier: Apache-2.0
// From events to wire records: what the kernel side and the listing would have written. The
// inverse of decode.h, for listings of what is known, for generated traffic and for tests.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"
#include "event/event.h"

namespace tcpdwell::event {

/// The wire record of an event. Moments that travel as jiffies (`expires`) go by `clock` and are
/// rounded to its ticks; `entered` is cut to milliseconds. The namespace is 0 for events that carry
/// none.
std::vector<std::byte> encode(const Event& event, const ClockAnchor& clock);

/// The jiffies value nearest to `at`. clock.hz must not be 0.
std::uint64_t to_jiffies(MonoTime at, const ClockAnchor& clock);

} // namespace tcpdwell::event

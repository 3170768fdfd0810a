// SPDX-License-Identifier: Apache-2.0
// Events with random fields, of every kind, and their comparison field by field.
#pragma once

#include <random>

#include "event/event.h"

namespace tcpdwell::test {

/// An event as a decoder could make it: moments in jiffies lie on a tick of `clock`, `entered` on a
/// millisecond of the last weeks before the event.
event::Event random_event(std::mt19937_64& random, const ClockAnchor& clock);

/// The same with few objects, cookies, namespaces and four-tuples, so that events meet.
event::Event random_event_among_few(std::mt19937_64& random, const ClockAnchor& clock);

/// Whether all fields are the same; the namespace too, where the event has one.
bool same(const event::Event& a, const event::Event& b);

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// From wire records to events: after this there are no raw records, jiffies or kernel numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "event/event.h"

namespace tcpdwell::event {

/// What was wrong with the records of a run; counted, never fatal.
struct DataQuality {
    std::uint64_t records = 0;   ///< records decoded
    std::uint64_t unknown = 0;   ///< of a kind this version doesn't know
    std::uint64_t malformed = 0; ///< too short, or with an impossible value
};

/// Decodes one record after the other. Keeps the newest clock anchor, which the jiffies of later
/// records are read by.
class Decoder {
public:
    /// The event of one whole record (struct td_header::size bytes); nullopt for unknown and
    /// malformed ones, counted in quality(). Never reads past the span.
    std::optional<Event> decode(std::span<const std::byte> record);

    [[nodiscard]] const DataQuality& quality() const { return quality_; }
    [[nodiscard]] const ClockAnchor& clock() const { return clock_; }

private:
    DataQuality quality_;
    ClockAnchor clock_;
};

} // namespace tcpdwell::event

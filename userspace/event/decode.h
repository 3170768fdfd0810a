// SPDX-License-Identifier: Apache-2.0
// From wire records to events: after this there are no raw records, jiffies or kernel numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_set>

#include "event/event.h"

namespace tcpdwell::event {

/// What was wrong with the records of a run; counted, never fatal.
struct DataQuality {
    std::uint64_t records = 0;   ///< records decoded
    std::uint64_t unknown = 0;   ///< of a kind this version doesn't know
    std::uint64_t malformed = 0; ///< too short, or with an impossible value
    std::uint64_t dropped = 0;   ///< for which, or for what they said, there was no room
};

/// Decodes one record after the other. Keeps the newest clock anchor, which the jiffies of later
/// records are read by.
class Decoder {
public:
    /// Records of further network namespaces are dropped: who interprets them keeps something for
    /// each.
    static constexpr std::size_t kMostNamespaces = 8192;

    /// The event of one whole record (struct td_header::size bytes); nullopt for unknown,
    /// malformed and dropped ones, counted in quality(). Never reads past the span.
    std::optional<Event> decode(std::span<const std::byte> record);

    /// What was decoded, but wasn't kept.
    void note_dropped(std::size_t count) { quality_.dropped += count; }

    [[nodiscard]] const DataQuality& quality() const { return quality_; }
    [[nodiscard]] const ClockAnchor& clock() const { return clock_; }

private:
    bool admits(std::uint32_t netns);

    DataQuality quality_;
    ClockAnchor clock_;
    std::uint32_t last_netns_ = 0;
    std::unordered_set<std::uint32_t> namespaces_; ///< that have been seen
};

} // namespace tcpdwell::event

// SPDX-License-Identifier: Apache-2.0
// Events and listed sockets in one stream. While a listing is under way the events wait for it, so
// that both can be handed over in order of time: an event after a listing then takes precedence
// over the listing.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "event/source.h"

namespace tcpdwell::live {

class EventMerger {
public:
    /// `most_held`: bytes of events from which on it is full().
    explicit EventMerger(std::size_t most_held) : most_held_(most_held) {}

    /// Events are held from now on, until release().
    void hold() { holding_ = true; }
    [[nodiscard]] bool holding() const { return holding_; }
    /// Whether more events are held than should be: release() is due, listing or not.
    [[nodiscard]] bool full() const { return events_.size() > most_held_; }

    /// Takes a record of the event stream, in order of time: handed over at once unless events are
    /// held.
    void add_event(std::span<const std::byte> record, const event::RecordSink& sink);
    /// Takes a record of a listing, in order of time. It waits for pass_listed() or release().
    void add_listed(std::span<const std::byte> record);

    /// Hands over what has been listed; does nothing while events are held.
    void pass_listed(const event::RecordSink& sink);
    /// Hands over everything in order of time, what was listed before an event of the same time.
    /// Events are held no longer.
    void release(const event::RecordSink& sink);

private:
    std::size_t most_held_;
    bool holding_ = false;
    std::vector<std::byte> events_; ///< whole records, as those of `listed_`
    std::vector<std::byte> listed_;
};

} // namespace tcpdwell::live

// SPDX-License-Identifier: Apache-2.0
#include "live/event_merger.h"

#include "event/record.h"

namespace tcpdwell::live {

void EventMerger::add_event(std::span<const std::byte> record, const event::RecordSink& sink) {
    if (holding_)
        events_.insert(events_.end(), record.begin(), record.end());
    else
        sink(record);
}

void EventMerger::add_listed(std::span<const std::byte> record) {
    listed_.insert(listed_.end(), record.begin(), record.end());
}

void EventMerger::pass_listed(const event::RecordSink& sink) {
    if (holding_) return;
    event::for_each_record(listed_, sink);
    listed_.clear();
}

void EventMerger::release(const event::RecordSink& sink) {
    holding_ = false;
    std::span<const std::byte> listed(listed_);
    event::for_each_record(events_, [&](std::span<const std::byte> event) {
        const auto at = event::read_header(event).time_ns;
        while (!listed.empty() && event::read_header(listed).time_ns <= at) {
            const auto socket = event::first_record(listed);
            sink(socket);
            listed = listed.subspan(socket.size());
        }
        sink(event);
    });
    event::for_each_record(listed, sink);
    // What was held may have been much: its memory is given back.
    std::vector<std::byte>().swap(events_);
    std::vector<std::byte>().swap(listed_);
}

} // namespace tcpdwell::live

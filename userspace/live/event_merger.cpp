// SPDX-License-Identifier: Apache-2.0
#include "live/event_merger.h"

#include "event/record.h"

namespace tcpdwell {

void EventMerger::add_event(std::span<const std::byte> record, const RecordSink& sink) {
    if (holding_)
        events_.insert(events_.end(), record.begin(), record.end());
    else
        sink(record);
}

void EventMerger::add_listed(std::span<const std::byte> record) {
    listed_.insert(listed_.end(), record.begin(), record.end());
}

void EventMerger::pass_listed(const RecordSink& sink) {
    if (holding_) return;
    for_each_record(listed_, sink);
    listed_.clear();
}

void EventMerger::release(const RecordSink& sink) {
    holding_ = false;
    std::span<const std::byte> listed(listed_);
    for_each_record(events_, [&](std::span<const std::byte> event) {
        const auto at = read_header(event).time_ns;
        while (!listed.empty() && read_header(listed).time_ns <= at) {
            const auto socket = first_record(listed);
            sink(socket);
            listed = listed.subspan(socket.size());
        }
        sink(event);
    });
    for_each_record(listed, sink);
    // What was held may have been much: its memory is given back.
    std::vector<std::byte>().swap(events_);
    std::vector<std::byte>().swap(listed_);
}

} // namespace tcpdwell

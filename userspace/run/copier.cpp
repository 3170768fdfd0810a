// SPDX-License-Identifier: Apache-2.0
#include "run/copier.h"

#include <algorithm>
#include <map>
#include <vector>

#include "event/encode.h"
#include "event/record.h"

namespace tcpdwell::run {
namespace {

/// The same clock, read at another moment.
ClockAnchor moved(const ClockAnchor& clock, MonoTime now) {
    const std::int64_t us = time_between(clock.mono, now).count() / 1000;
    const std::int64_t hz = clock.hz;
    const std::int64_t ticks = us / 1'000'000 * hz + us % 1'000'000 * hz / 1'000'000;
    return {now, clock.to_wall(now), clock.jiffies + static_cast<std::uint64_t>(ticks), clock.hz};
}

} // namespace

void StreamState::note(std::span<const std::byte> record) {
    const auto event = decoder_.decode(record);
    if (!event) return;
    preamble_.note(record);
    if (const auto* gap = std::get_if<event::Gap>(&*event);
        gap && gap->new_run) { // counts its losses from 0
        td_lost none{};
        none.h = event::header_of<td_lost>(TD_LOST, event::wire_ns(gap->at), 0);
        preamble_.note(event::bytes_of(none));
    }
    if (const auto* snapshot = std::get_if<event::Snapshot>(&*event))
        namespaces_.insert(snapshot->netns);
    tracker_.on_event(*event);
}

Result<void> StreamState::write_to(MonoTime now, const Write& write) {
    Result<void> written;
    const auto put = [&](std::span<const std::byte> record) {
        if (written) written = write(record);
    };
    const ClockAnchor& clock = decoder_.clock();
    const auto write_event = [&](const event::Event& event) { put(encode(event, clock)); };

    preamble_.note(encode(event::ClockReading{moved(clock, now)}, clock));
    preamble_.for_each(put);
    put(event::bytes_of(event::mark_record(now)));

    for (const auto& [netns, reading] : counters_.readings())
        write_event(event::KernelCounters{now, netns, reading.counters});
    std::map<std::uint32_t, std::vector<track::ListedSocket>> listings;
    for (const std::uint32_t netns : namespaces_) listings[netns];
    tracker_.for_each_listed(
        now, [&](const track::ListedSocket& s) { listings[s.socket.netns].push_back(s); });
    for (const auto& [netns, sockets] : listings) {
        write_event(event::Snapshot{now, netns, TD_SNAPSHOT_BEGIN, false});
        for (const track::ListedSocket& s : sockets) write_event(s.socket);
        write_event(event::Snapshot{now, netns, TD_SNAPSHOT_END, true});
    }
    for (const auto& [netns, sockets] : listings) {
        for (const track::ListedSocket& s : sockets) {
            if (s.process && s.socket.sock != 0)
                write_event(event::OwnerFound{
                    now, s.socket.sock, s.socket.cookie,
                    event::Owner{s.process, s.socket.owner.uid, s.socket.owner.cgroup},
                    TD_OWNER_HOLDS});
            if (s.numbers) write_event(*s.numbers);
            if (s.holders) write_event(*s.holders);
            if (s.pending) write_event(*s.pending);
        }
    }
    return written;
}

Result<std::uint64_t> copy(recording::RecordingSource& source, const TimeWindow& window,
                           const StreamState::Write& write) {
    std::optional<StreamState> before;
    std::uint64_t dropped = 0;
    if (window.since) before.emplace();
    Result<void> written;
    const auto take = [&](std::span<const std::byte> record) {
        if (!is_possible(event::time_of(event::read_header(record))))
            return; // damage, which the source counts
        if (before)
            before->note(record);
        else if (written)
            written = write(record);
    };
    std::optional<MonoTime> marked;
    while (true) {
        const auto status = source.poll(take);
        if (!status) return tl::unexpected(status.error());
        if (before && source.now() >= *window.since) {
            before->advance_to(*window.since);
            written = before->write_to(*window.since, write);
            dropped = before->dropped();
            before.reset();
        } else if (source.at_mark()) {
            marked = source.now();
            if (before)
                before->advance_to(source.now());
            else if (written)
                written = write(event::bytes_of(event::mark_record(source.now())));
        }
        if (!written) return tl::unexpected(written.error());
        if (*status != event::EventSource::Status::finished) continue;
        if (before)
            return tl::unexpected(nothing_since(*window.since, source.now(), source.head().clock));
        // At the end of the window, mark for the reader that all earlier records have been written.
        if (window.until && source.now() == *window.until && marked != window.until)
            written = write(event::bytes_of(event::mark_record(*window.until)));
        if (!written) return tl::unexpected(written.error());
        return dropped;
    }
}

} // namespace tcpdwell::run

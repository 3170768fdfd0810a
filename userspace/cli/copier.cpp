// SPDX-License-Identifier: Apache-2.0
#include "cli/copier.h"

#include <algorithm>
#include <cstring>

#include "event/encode.h"
#include "event/write_record.h"

namespace tcpdwell {
namespace {

std::uint64_t ns(MonoTime at) { return static_cast<std::uint64_t>(at.time_since_epoch().count()); }

td_header mark_at(MonoTime now) { return td_header{sizeof(td_header), TD_NOW, 0, 0, ns(now)}; }

/// TD_REPEATED among the flags of the header: what was lost before doesn't count for a reader that begins here.
constexpr std::size_t kFlagsByte = 3;
constexpr std::byte kRepeated{1};

/// The record as it is, of another time: one that somebody repeats who was told it before.
std::vector<std::byte> repeated(std::span<const std::byte> record, MonoTime now) {
    std::vector<std::byte> again(record.begin(), record.end());
    td_header header;
    std::memcpy(&header, again.data(), sizeof(header));
    header.time_ns = ns(now);
    std::memcpy(again.data(), &header, sizeof(header));
    again[kFlagsByte] |= kRepeated;
    return again;
}

/// The same clock, read at another moment.
ClockAnchor moved(const ClockAnchor& clock, MonoTime now) {
    const auto ticks = (now - clock.mono).count() / 1000 * std::int64_t{clock.hz} / 1'000'000;
    return {now, clock.to_wall(now), clock.jiffies + static_cast<std::uint64_t>(ticks), clock.hz};
}

} // namespace

void Beginning::note(std::span<const std::byte> record) {
    const auto event = decoder_.decode(record);
    if (!event) return;
    const Bytes bytes(record.begin(), record.end());
    if (const auto* fact = std::get_if<Fact>(&*event))
        facts_.insert_or_assign({fact->netns, fact->key}, bytes);
    else if (const auto* path = std::get_if<CgroupPath>(&*event))
        cgroups_.insert_or_assign(path->id, bytes);
    else if (const auto* snapshot = std::get_if<Snapshot>(&*event))
        namespaces_.insert(snapshot->netns);
    else if (std::holds_alternative<LostTotals>(*event))
        lost_ = bytes;
    tracker_.on_event(*event);
}

Result<void> Beginning::tell(MonoTime now, const Write& write) const {
    Result<void> written;
    const auto put = [&](std::span<const std::byte> record) {
        if (written) written = write(record);
    };
    const ClockAnchor& clock = decoder_.clock();
    const auto tell_event = [&](const Event& event) { put(encode(event, clock)); };

    tell_event(ClockReading{moved(clock, now)});
    if (!lost_.empty()) put(repeated(lost_, now));
    for (const auto& [key, fact] : facts_) put(repeated(fact, now));
    for (const auto& [id, path] : cgroups_) put(repeated(path, now));
    put(bytes_of(mark_at(now)));

    std::map<std::uint32_t, std::vector<ListedSocket>> listings;
    for (const std::uint32_t netns : namespaces_) listings[netns];
    tracker_.for_each_listed(now, [&](const ListedSocket& s) { listings[s.socket.netns].push_back(s); });
    for (const auto& [netns, sockets] : listings) {
        tell_event(Snapshot{now, netns, TD_SNAPSHOT_BEGIN, false});
        for (const ListedSocket& s : sockets) tell_event(s.socket);
        tell_event(Snapshot{now, netns, TD_SNAPSHOT_END, true});
    }
    for (const auto& [netns, sockets] : listings) {
        for (const ListedSocket& s : sockets) {
            if (s.process && s.socket.sock != 0)
                tell_event(OwnerFound{now, s.socket.sock, s.socket.cookie,
                                      Owner{s.process, s.socket.owner.uid, s.socket.owner.cgroup}, TD_OWNER_HOLDS});
            if (s.pending) tell_event(*s.pending);
        }
    }
    return written;
}

Result<void> copy(recording::RecordingSource& source, const TimeWindow& window, const Beginning::Write& write) {
    std::optional<Beginning> before;
    if (window.since) before.emplace();
    Result<void> written;
    const auto take = [&](std::span<const std::byte> record) {
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
            written = before->tell(*window.since, write);
            before.reset();
        } else if (source.at_mark()) {
            marked = source.now();
            if (before)
                before->advance_to(source.now());
            else if (written)
                written = write(bytes_of(mark_at(source.now())));
        }
        if (!written) return written;
        if (*status != EventSource::Status::finished) continue;
        if (before) return tl::unexpected(nothing_since(*window.since, source.now(), source.head().clock));
        // Where the window ends a reader is to know that all before has been told.
        if (window.until && source.now() == *window.until && marked != window.until)
            return write(bytes_of(mark_at(*window.until)));
        return {};
    }
}

} // namespace tcpdwell

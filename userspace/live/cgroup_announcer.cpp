// SPDX-License-Identifier: Apache-2.0
#include "live/cgroup_announcer.h"

#include <algorithm>

#include "event/container_path.h"
#include "event/record.h"
#include "live/duty.h"

namespace tcpdwell::live {
namespace {

constexpr std::uint64_t kShortestPause = 100'000'000;

} // namespace

void CgroupAnnouncer::announce(std::span<const std::byte> record, const event::RecordSink& sink) {
    const td_header header = event::read_header(record);
    if (header.kind == TD_STATE) {
        if (const auto state = event::as<td_state_by_task>(record))
            describe(state->task.cgroup, header.time_ns, sink);
    } else if (header.kind == TD_SOCKET) {
        if (const auto socket = event::as<td_socket>(record))
            describe(socket->task.cgroup, header.time_ns, sink);
    }
}

void CgroupAnnouncer::describe(std::uint64_t id, std::uint64_t time_ns,
                               const event::RecordSink& sink) {
    if (id == 0 || !paths_ || described_.contains(id)) return;
    const auto path = path_of(id);
    if (!path) return;
    if (described_.size() >= kMostDescribed) described_.clear(); // ids aren't used twice
    described_.insert(id);
    sink(event::cgroup_record(time_ns, id, *path));
    const event::ContainerPath container = event::container_of_path(*path);
    if (on_container_ && !container.id.empty()) on_container_(id, container.id);
}

std::optional<std::string_view> CgroupAnnouncer::path_of(std::uint64_t id) {
    if (const auto path = paths_->lookup(id)) return path;
    const std::uint64_t now = now_ns_();
    if (now < next_walk_ns_) return std::nullopt;
    paths_->refresh();
    next_walk_ns_ = now + std::max(kShortestPause, pause_after(now_ns_() - now));
    return paths_->lookup(id);
}

} // namespace tcpdwell::live

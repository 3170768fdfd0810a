// SPDX-License-Identifier: Apache-2.0
// Describes each cgroup id by a td_cgroup record before the first record that names it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "event/source.h"
#include "host/cgroup_paths.h"

namespace tcpdwell::live {

class CgroupAnnouncer {
public:
    /// After so many, what is still in use is described again.
    static constexpr std::size_t kMostDescribed = 100'000;

    /// `paths`: nullopt where there are none; ids then stay without description. `now_ns`:
    /// CLOCK_MONOTONIC, which also shows how long a walk over the hierarchy takes.
    /// `on_container` gets the ids of containers that are in paths (event/container_path.h).
    CgroupAnnouncer(
        std::optional<host::CgroupPaths> paths, std::function<std::uint64_t()> now_ns,
        std::function<void(std::uint64_t cgroup, const std::string& id)> on_container = {})
        : paths_(std::move(paths)), now_ns_(std::move(now_ns)),
          on_container_(std::move(on_container)) {}

    /// Hands over the description of the cgroup that `record` names, if it is due. An id that isn't
    /// known lets the hierarchy be walked again, but not more than ten times a second, and rarer
    /// where a walk takes long (duty.h).
    void announce(std::span<const std::byte> record, const event::RecordSink& sink);

private:
    void describe(std::uint64_t id, std::uint64_t time_ns, const event::RecordSink& sink);
    std::optional<std::string_view> path_of(std::uint64_t id);

    std::optional<host::CgroupPaths> paths_;
    std::function<std::uint64_t()> now_ns_;
    std::function<void(std::uint64_t, const std::string&)> on_container_;
    std::unordered_set<std::uint64_t> described_;
    std::uint64_t next_walk_ns_ = 0;
};

} // namespace tcpdwell::live

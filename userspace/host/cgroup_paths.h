// SPDX-License-Identifier: Apache-2.0
// From the ids of cgroup v2 nodes, which is what the kernel hands out, to their paths, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace tcpdwell::host {

/// Where the cgroup v2 hierarchy is mounted.
struct CgroupMount {
    std::string mount_point; ///< "/sys/fs/cgroup", on hybrid hosts "/sys/fs/cgroup/unified"
    std::string root; ///< path of the mounted node as our cgroup namespace sees it; "/" as a rule
};

/// The cgroup2 mount in the text of /proc/PID/mountinfo; the one with root "/" if there are
/// several.
std::optional<CgroupMount> find_cgroup_mount(std::string_view mountinfo);

/// A table of cgroup ids and paths. Paths are those that /proc/PID/cgroup shows after "0::": "/",
/// "/system.slice/x".
class CgroupPaths {
public:
    /// Looks for the cgroup2 mount and walks it. Fails if there is none.
    static Result<CgroupPaths> open();
    /// The same for a mount that is known. Any directory tree does.
    static Result<CgroupPaths> open(CgroupMount mount);

    /// From so many known paths on those that are gone are forgotten at the next walk.
    static constexpr std::size_t kMostGone = 100'000;

    /// Walks the hierarchy again. Cgroups that are gone since are still known: sockets and
    /// recordings outlive them.
    void refresh();

    /// Path of an id; nullopt if it wasn't there when the hierarchy was walked.
    [[nodiscard]] std::optional<std::string_view> lookup(std::uint64_t id) const;
    /// Id of a path that existed at the last walk: one slash in front, none at the end or doubled.
    [[nodiscard]] std::optional<std::uint64_t> id_of(std::string_view path) const;

    /// False if the mount is not the root of the hierarchy (a container, a cgroup namespace): paths
    /// then begin at the mounted node, and cgroups outside it have none.
    [[nodiscard]] bool whole() const { return whole_; }
    /// What follows if it isn't whole, and what to do; "" if it is.
    [[nodiscard]] std::string what_is_missing() const;
    [[nodiscard]] const CgroupMount& mount() const { return mount_; }

private:
    explicit CgroupPaths(CgroupMount mount) : mount_(std::move(mount)) {}

    CgroupMount mount_;
    bool whole_ = false;
    std::unordered_map<std::uint64_t, std::string> paths_;
    std::unordered_map<std::string, std::uint64_t> ids_;
};

} // namespace tcpdwell::host

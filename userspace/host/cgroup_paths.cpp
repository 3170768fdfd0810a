// SPDX-License-Identifier: Apache-2.0
// The id of a cgroup v2 node is the inode of its directory (kernfs), so one walk over the
// directories finds them all.
#include "host/cgroup_paths.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "host/proc_file.h"

namespace tcpdwell::host {
namespace {

constexpr std::uint64_t hierarchy_root_id = 1; // the kernel's cgrp_dfl_root

/// Takes the first field off `line`.
std::string_view next_field(std::string_view& line) {
    const auto end = line.find(' ');
    const std::string_view field = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return field;
}

/// Undoes the kernel's \040 for a space and the like (seq_path()).
std::string unescaped(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0'));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::optional<std::uint64_t> directory_id(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return status.st_ino;
}

} // namespace

std::optional<CgroupMount> find_cgroup_mount(std::string_view mountinfo) {
    std::optional<CgroupMount> found;
    while (!mountinfo.empty()) {
        const auto end = mountinfo.find('\n');
        std::string_view line = mountinfo.substr(0, end);
        mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);

        // "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:5 - cgroup2 cgroup2 rw" (proc(5))
        const auto separator = line.find(" - ");
        if (separator == std::string_view::npos ||
            !line.substr(separator + 3).starts_with("cgroup2 "))
            continue;
        for (int skipped = 0; skipped < 3; ++skipped) next_field(line);
        CgroupMount mount;
        mount.root = unescaped(next_field(line));
        mount.mount_point = unescaped(next_field(line));
        if (!found || (found->root != "/" && mount.root == "/")) found = std::move(mount);
    }
    return found;
}

Result<CgroupPaths> CgroupPaths::open() {
    const auto mountinfo = read_proc_file("/proc/self/mountinfo");
    if (!mountinfo) return tl::unexpected(mountinfo.error());
    auto mount = find_cgroup_mount(*mountinfo);
    if (!mount)
        return fail(ErrorCode::failed, "cgroup v2 isn't mounted; 'mount -t cgroup2 none "
                                       "/sys/fs/cgroup' does it where v1 isn't in use");
    return open(std::move(*mount));
}

Result<CgroupPaths> CgroupPaths::open(CgroupMount mount) {
    const auto id = directory_id(mount.mount_point);
    if (!id)
        return fail(ErrorCode::failed,
                    fmt::format("cannot look into {}: {}", mount.mount_point, std::strerror(errno)),
                    errno);
    CgroupPaths paths(std::move(mount));
    paths.whole_ = *id == hierarchy_root_id;
    // A cgroup namespace of our own sees the root as "/../..".
    if (paths.whole_) paths.mount_.root = "/";
    paths.refresh();
    return paths;
}

std::string CgroupPaths::what_is_missing() const {
    if (whole_) return {};
    return fmt::format(
        "{} is only a part of the hierarchy, as in a private cgroup namespace: paths "
        "begin there, and the cgroups and containers outside of it aren't known; "
        "mount the host's /sys/fs/cgroup, or use its cgroup namespace",
        mount_.mount_point);
}

void CgroupPaths::refresh() {
    ids_.clear();
    if (paths_.size() >= kMostGone) paths_.clear();
    const std::string_view prefix = mount_.root == "/" ? "" : std::string_view(mount_.root);
    // Paths below the mount point, without slash at the end: "" is the mount point itself.
    std::vector<std::string> pending = {""};
    while (!pending.empty()) {
        const std::string below = std::move(pending.back());
        pending.pop_back();
        const std::string directory = mount_.mount_point + below;
        const auto id = directory_id(directory);
        if (!id) continue;
        const bool at_root = prefix.empty() && below.empty();
        std::string path = at_root ? std::string("/") : fmt::format("{}{}", prefix, below);
        paths_[*id] = path;
        ids_[std::move(path)] = *id;

        const Directory children = open_directory(directory.c_str());
        if (!children) continue;
        while (const dirent* entry = ::readdir(children.get())) {
            const std::string_view child = entry->d_name;
            if (entry->d_type == DT_DIR && child != "." && child != "..")
                pending.push_back(below + '/' + entry->d_name);
        }
    }
}

std::optional<std::string_view> CgroupPaths::lookup(std::uint64_t id) const {
    const auto found = paths_.find(id);
    if (found == paths_.end()) return std::nullopt;
    return found->second;
}

std::optional<std::uint64_t> CgroupPaths::id_of(std::string_view path) const {
    const auto found = ids_.find(std::string(path));
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

} // namespace tcpdwell::host

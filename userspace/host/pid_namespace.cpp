// SPDX-License-Identifier: Apache-2.0
#include "host/pid_namespace.h"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "host/proc_file.h"

namespace tcpdwell::host {
namespace {

std::optional<std::uint32_t> inode_at(const char* path) {
    struct stat status {};
    if (::stat(path, &status) != 0) return std::nullopt;
    return static_cast<std::uint32_t>(status.st_ino);
}

} // namespace

std::optional<std::uint32_t> proc_pid_namespace() {
    const auto status = read_proc_file("/proc/self/status");
    if (!status) return std::nullopt;
    // Our pid in the namespace of /proc, and in each below it down to our own (task_state(),
    // fs/proc/array.c): one number if the two are the same.
    constexpr std::string_view kKey = "\nNSpid:";
    const std::size_t at = status->find(kKey);
    if (at == std::string::npos) return std::nullopt;
    const std::size_t begin = at + kKey.size();
    const std::string_view line =
        std::string_view(*status).substr(begin, status->find('\n', begin) - begin);
    if (std::count(line.begin(), line.end(), '\t') == 1) return inode_at("/proc/self/ns/pid");
    return inode_at("/proc/1/ns/pid"); // the first process of a namespace is in it
}

} // namespace tcpdwell::host

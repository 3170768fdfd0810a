// SPDX-License-Identifier: Apache-2.0
// What container runtimes call their containers, from the files that they keep on this host.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tcpdwell::live {

/// The files are taken for hostile, as they hold what users of the runtimes chose: they are read up
/// to a limit, and only if they are regular files; below the runtimes' own directories no symbolic
/// link is followed.
class ContainerFiles {
public:
    /// `host_root`: where the host's root directory is mounted; "" and "/": here.
    explicit ContainerFiles(std::string host_root) : root_(std::move(host_root)) {}

    /// The container of this id (64 hex digits) as views show it (event/container_path.h); the
    /// first digits of the id if no file has its name.
    [[nodiscard]] std::string describe(std::string_view id) const;
    /// The container, machine or unit of a cgroup; "" if the path names none.
    [[nodiscard]] std::string describe_path(std::string_view path) const;

private:
    [[nodiscard]] std::string from_containerd(const std::string& id) const;
    [[nodiscard]] std::string from_crio(const std::string& id) const;
    [[nodiscard]] std::string from_docker(const std::string& id) const;
    [[nodiscard]] std::string from_podman(const std::string& id) const;
    [[nodiscard]] std::string from_log_links(const std::string& id) const;

    std::string root_;
};

} // namespace tcpdwell::live

// SPDX-License-Identifier: Apache-2.0
// What the path of a cgroup says of the container, machine or systemd unit whose it is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tcpdwell::event {

/// One of the two, or neither.
struct ContainerPath {
    std::string id;   ///< 64 hex digits, as docker, podman, containerd and CRI-O name containers
    std::string name; ///< what the path itself names: an LXC container, a machine of
                      ///< systemd-nspawn or libvirt, a systemd unit
};

/// The outermost container, as it is the one that this host's runtime knows; else the innermost
/// unit. Knows the cgroupfs and systemd drivers of docker, containerd, CRI-O and podman, the slices
/// of the kubelet, LXC, systemd-machined and systemd units.
ContainerPath container_of_path(std::string_view path);

/// The most bytes of a name.
inline constexpr std::size_t kMostContainerName = 253;
/// Whether it can be shown as it is: printable ASCII without spaces and slashes, not too long.
bool is_container_name(std::string_view name);

/// A container as views show it: "NAME", or "NAMESPACE/POD/NAME" in Kubernetes.
struct ContainerWords {
    std::string_view name;
    std::string_view pod;        ///< "" outside of Kubernetes, as is
    std::string_view name_space; ///< of Kubernetes
};
/// Views into `text`. One that isn't of three parts is a name as a whole.
ContainerWords container_words(std::string_view text);

/// What is shown of a container whose name isn't known: the first 12 digits of its id.
std::string_view short_container_id(std::string_view id);

} // namespace tcpdwell::event

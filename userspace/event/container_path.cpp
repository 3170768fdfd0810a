// SPDX-License-Identifier: Apache-2.0
// Paths as the runtimes make them (cgroups(7); each line a runtime and its cgroup driver):
//
//   /docker/ID, /system.slice/docker-ID.scope                   docker: cgroupfs, systemd
//   /kubepods/burstable/podUID/ID                               kubelet with cgroupfs
//   /kubepods.slice/.../kubepods-podUID.slice/cri-containerd-ID.scope, crio-ID.scope    systemd
//   /system.slice/containerd.service/kubepods-podUID.slice:cri-containerd:ID  a path for the
//                                                   systemd driver given to runc's cgroupfs driver
//   /machine.slice/libpod-ID.scope/container, /libpod_parent/libpod-ID           podman
//   /lxc/NAME, /lxc.payload/NAME, /lxc.payload.NAME             LXC 2, 3, 4 and LXD
//   /machine.slice/systemd-nspawn@NAME.service, machine-NAME.scope        systemd-machined
//
// The monitors of containers (conmon, lxc.monitor) aren't in them.
#include "event/container_path.h"

#include <algorithm>

namespace tcpdwell::event {
namespace {

constexpr std::size_t kIdDigits = 64;
constexpr std::size_t kShortIdDigits = 12;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/// Takes `prefix` and `suffix` off `text`, if it has both and something between them.
bool strip(std::string_view& text, std::string_view prefix, std::string_view suffix = {}) {
    if (text.size() <= prefix.size() + suffix.size() || !text.starts_with(prefix) ||
        !text.ends_with(suffix))
        return false;
    text.remove_prefix(prefix.size());
    text.remove_suffix(suffix.size());
    return true;
}

/// "" if the component doesn't name a container by its id.
std::string_view id_in(std::string_view component) {
    strip(component, "", ".scope");
    if (component.size() < kIdDigits) return {};
    const std::string_view id = component.substr(component.size() - kIdDigits);
    if (!std::ranges::all_of(id, is_hex)) return {};
    std::string_view before = component.substr(0, component.size() - kIdDigits);
    if (before.empty()) return id;
    if (before.back() != '-' && before.back() != ':') return {};
    before.remove_suffix(1);
    return before.ends_with("conmon") ? std::string_view() : id;
}

/// Undoes \x2d and the like of systemd-escape(1).
std::string unit_unescaped(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i, 2) == "\\x" && i + 3 < text.size() && is_hex(text[i + 2]) &&
            is_hex(text[i + 3])) {
            const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
            result += static_cast<char>(digit(text[i + 2]) * 16 + digit(text[i + 3]));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

/// "" if the component, which comes after `parent`, names no machine and no LXC container.
std::string machine_in(std::string_view component, std::string_view parent) {
    std::string name;
    if (parent == "lxc" || parent == "lxc.payload" || strip(component, "lxc.payload."))
        name = component;
    else if (strip(component, "systemd-nspawn@", ".service") ||
             strip(component, "machine-", ".scope"))
        name = unit_unescaped(component);
    return is_container_name(name) ? name : std::string();
}

bool is_unit(std::string_view component) {
    return (strip(component, "", ".service") || strip(component, "", ".scope")) &&
           is_container_name(component);
}

} // namespace

ContainerPath container_of_path(std::string_view path) {
    ContainerPath unit;
    std::string_view parent;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        const std::string_view component = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (component.empty()) continue;
        if (const auto id = id_in(component); !id.empty()) return {std::string(id), {}};
        if (std::string machine = machine_in(component, parent); !machine.empty())
            return {{}, std::move(machine)};
        if (is_unit(component)) unit.name = component;
        parent = component;
    }
    return unit;
}

bool is_container_name(std::string_view name) {
    return !name.empty() && name.size() <= kMostContainerName &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != '/'; });
}

ContainerWords container_words(std::string_view text) {
    const std::size_t first = text.find('/');
    const std::size_t second = text.find('/', first == text.npos ? first : first + 1);
    if (second == text.npos || text.find('/', second + 1) != text.npos) return {text, {}, {}};
    return {text.substr(second + 1), text.substr(first + 1, second - first - 1),
            text.substr(0, first)};
}

std::string_view short_container_id(std::string_view id) { return id.substr(0, kShortIdDigits); }

} // namespace tcpdwell::event

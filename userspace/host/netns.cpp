// SPDX-License-Identifier: Apache-2.0
// A namespace is known by the inode of its file in nsfs, whichever way that file is reached.
#include "host/netns.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/proc_file.h"

namespace tcpdwell::host {
namespace {

constexpr const char* own_path = "/proc/thread-self/ns/net";
constexpr const char* named_directory = "/run/netns";

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint32_t> inode_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return static_cast<std::uint32_t>(status.st_ino);
}

/// Empty if it isn't a network namespace: the file may be a leftover of `ip netns`, or any path
/// that the user gave.
Fd open_netns(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd && ::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) fd.reset();
    return fd;
}

std::uint32_t inode_of(const Fd& fd) {
    struct stat status {};
    return ::fstat(fd.get(), &status) == 0 ? static_cast<std::uint32_t>(status.st_ino) : 0;
}

class NetnsList {
public:
    void add(const std::string& path, std::optional<std::string> name, bool own) {
        Fd fd = open_netns(path);
        if (!fd) return;
        const std::uint32_t inode = inode_of(fd);
        if (NetworkNamespace* known = find(inode)) {
            if (name && !known->name) known->name = std::move(name);
            return;
        }
        namespaces_.push_back({inode, std::move(fd), std::move(name), own});
    }

    NetworkNamespace* find(std::uint32_t inode) {
        const auto found =
            std::find_if(namespaces_.begin(), namespaces_.end(),
                         [inode](const NetworkNamespace& each) { return each.inode == inode; });
        return found == namespaces_.end() ? nullptr : &*found;
    }

    std::vector<NetworkNamespace> take() {
        std::sort(namespaces_.begin(), namespaces_.end(),
                  [](const NetworkNamespace& a, const NetworkNamespace& b) {
                      return a.own != b.own ? a.own : a.inode < b.inode;
                  });
        return std::move(namespaces_);
    }

private:
    std::vector<NetworkNamespace> namespaces_;
};

} // namespace

std::vector<NetworkNamespace> list_network_namespaces() {
    NetnsList list;
    list.add(own_path, std::nullopt, true);
    if (const Directory named = open_directory(named_directory)) {
        while (const dirent* entry = ::readdir(named.get())) {
            if (entry->d_name[0] == '.') continue;
            list.add(fmt::format("{}/{}", named_directory, entry->d_name), entry->d_name, false);
        }
    }
    if (const Directory processes = open_directory("/proc")) {
        while (const dirent* entry = ::readdir(processes.get())) {
            if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
            const std::string path = fmt::format("/proc/{}/ns/net", entry->d_name);
            // Nearly all processes are in a namespace that is known, and stat() is much cheaper
            // than open().
            const auto inode = inode_of(path);
            if (inode && !list.find(*inode)) list.add(path, std::nullopt, false);
        }
    }
    return list.take();
}

Result<std::uint32_t> own_netns_inode() {
    if (const auto inode = inode_of(own_path)) return *inode;
    return fail(
        ErrorCode::failed,
        fmt::format("cannot read {}: {}; is /proc mounted?", own_path, std::strerror(errno)),
        errno);
}

Result<std::uint32_t> resolve_netns(std::string_view text) {
    if (const auto inode = number(text)) {
        for (const NetworkNamespace& each : list_network_namespaces())
            if (each.inode == *inode) return *inode;
        if (const auto of_process = inode_of(fmt::format("/proc/{}/ns/net", *inode)))
            return *of_process;
        if (errno == EACCES)
            return fail(
                ErrorCode::cannot_trace,
                fmt::format("--netns {}: not allowed to look into that process; run it with sudo",
                            text),
                EACCES);
    }
    const bool is_path = text.find('/') != std::string_view::npos;
    const bool is_name = !text.empty() && text != "." && text != "..";
    if (is_path || is_name) {
        const std::string path =
            is_path ? std::string(text) : fmt::format("{}/{}", named_directory, text);
        if (const Fd fd = open_netns(path)) return inode_of(fd);
    }
    return fail(
        ErrorCode::usage,
        fmt::format("--netns {}: no such network namespace; 'ip netns list' shows the named ones",
                    text));
}

Result<NetnsGuard> NetnsGuard::enter(int fd) {
    Fd home(::open(own_path, O_RDONLY | O_CLOEXEC));
    if (!home)
        return fail(ErrorCode::failed,
                    fmt::format("cannot open {}: {}", own_path, std::strerror(errno)), errno);
    if (::setns(fd, CLONE_NEWNET) != 0) {
        const int error = errno;
        if (error == EPERM)
            return fail(ErrorCode::cannot_trace,
                        "cannot enter another network namespace: CAP_SYS_ADMIN is missing; run it "
                        "with sudo",
                        error);
        return fail(ErrorCode::failed,
                    fmt::format("cannot enter a network namespace: {}", std::strerror(error)),
                    error);
    }
    return NetnsGuard(std::move(home));
}

NetnsGuard::~NetnsGuard() {
    if (!home_ || ::setns(home_.get(), CLONE_NEWNET) == 0) return;
    fmt::print(stderr, "cannot return to the own network namespace: {}\n", std::strerror(errno));
    std::abort();
}

} // namespace tcpdwell::host

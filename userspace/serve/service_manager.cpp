// SPDX-License-Identifier: Apache-2.0
#include "serve/service_manager.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace tcpdwell::serve {
namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
    const char* const text = std::getenv(variable);
    if (text == nullptr) return std::nullopt;
    std::uint64_t number = 0;
    const char* const end = text + std::strlen(text);
    const auto [rest, error] = std::from_chars(text, end, number);
    if (error != std::errc() || rest != end) return std::nullopt;
    return number;
}

} // namespace

ServiceManager ServiceManager::connect() {
    ServiceManager manager;
    const char* const path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return manager;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = std::strlen(path);
    if (length >= sizeof(address.sun_path)) return manager;
    std::memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = '\0'; // an abstract one
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
        spdlog::warn("cannot notify the service manager at {}: {}", path, std::strerror(errno));
        return manager;
    }
    manager.socket_ = std::move(socket);
    const auto for_whom = number_in("WATCHDOG_PID");
    const auto interval = number_in("WATCHDOG_USEC");
    if (interval && *interval > 0 && (!for_whom || *for_whom == std::uint64_t(::getpid())))
        manager.watchdog_ = std::chrono::microseconds(*interval / 2);
    return manager;
}

void ServiceManager::send(const std::string& text) {
    if (!socket_) return;
    if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0)
        spdlog::debug("the service manager wasn't notified: {}", std::strerror(errno));
}

void ServiceManager::reloading() {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
    send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.count()));
}

void ServiceManager::alive() {
    if (!watchdog_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_alive_) return;
    next_alive_ = now + *watchdog_;
    send("WATCHDOG=1");
}

std::vector<Fd> inherited_sockets() {
    constexpr int kFirst = 3; // SD_LISTEN_FDS_START
    constexpr std::uint64_t kMost = 64;
    std::vector<Fd> sockets;
    const auto for_whom = number_in("LISTEN_PID");
    const std::uint64_t count = number_in("LISTEN_FDS").value_or(0);
    if (for_whom != std::uint64_t(::getpid())) return sockets;
    for (std::uint64_t i = 0; i < count && i < kMost; ++i) {
        const int fd = kFirst + static_cast<int>(i);
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) sockets.emplace_back(fd);
    }
    for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        ::unsetenv(variable);
    return sockets;
}

} // namespace tcpdwell::serve

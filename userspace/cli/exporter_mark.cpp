// SPDX-License-Identifier: Apache-2.0
#include "cli/exporter_mark.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <thread>

namespace tcpdwell::cli {

// A name without a file (unix(7), "Abstract sockets"): it needs no folder that every user could
// write, and is gone with its owner. Another user who takes it causes a warning, no more.
std::optional<Fd> mark_exporter(const std::string& server) {
    constexpr int kTries = 20;
    constexpr std::chrono::milliseconds kBetween(50);
    Fd mark(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!mark) return mark;
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string text = "tcpdwell exports to " + server;
    const std::size_t length = text.copy(&name.sun_path[1], sizeof(name.sun_path) - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
    for (int i = 0; i < kTries; ++i) {
        if (i > 0) std::this_thread::sleep_for(kBetween);
        if (::bind(mark.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0) return mark;
        if (errno != EADDRINUSE) return Fd();
    }
    return std::nullopt;
}

} // namespace tcpdwell::cli

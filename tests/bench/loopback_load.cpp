// SPDX-License-Identifier: Apache-2.0
#include "loopback_load.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>

namespace tcpdwell::bench {
namespace {

bool loopback_up() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    bool ok = ::ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    ok = ok && ::ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    ::close(fd);
    return ok;
}

sockaddr_in address_of(int i, in_port_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    // Many destinations, so that the ports of one don't run out while its TIME_WAITs last.
    address.sin_addr.s_addr = htonl(0x7f000001u + static_cast<unsigned>(i % 64));
    address.sin_port = port;
    return address;
}

/// The server's side of one connection.
bool serve_one(int listener) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    char byte = 0;
    bool ok = ::recv(fd, &byte, 1, 0) == 1 && ::send(fd, &byte, 1, 0) == 1;
    ok = ok && ::recv(fd, &byte, 1, 0) == 0; // the client closes first
    ::close(fd);
    return ok;
}

int connect_to(const sockaddr_in& address) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
    ::close(fd);
    return -1;
}

struct Listener {
    int fd = -1; ///< -1: it failed
    in_port_t port = 0;
};

Listener listen_on_loopback() {
    if (!loopback_up()) return {};
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    socklen_t length = sizeof(any);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&any), length) == 0 && ::listen(fd, 128) == 0 &&
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&any), &length) == 0)
        return {fd, any.sin_port};
    ::close(fd);
    return {};
}

} // namespace

LoopbackPair connect_over_loopback() {
    const Listener listener = listen_on_loopback();
    if (listener.fd < 0) return {};
    LoopbackPair pair{.client = connect_to(address_of(0, listener.port))};
    if (pair.client >= 0) pair.server = ::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener.fd);
    return pair;
}

double run_loopback_load(int connections, bool one_thread) {
    const auto [listener, port] = listen_on_loopback();
    if (listener < 0) return 0;

    bool ok = true;
    std::thread server;
    const auto start = std::chrono::steady_clock::now();
    if (!one_thread)
        server = std::thread([&, listener = listener] {
            for (int i = 0; i < connections; ++i)
                if (!serve_one(listener)) return;
        });
    for (int i = 0; i < connections && ok; ++i) {
        const int fd = connect_to(address_of(i, port));
        char byte = 'x';
        ok = fd >= 0 && ::send(fd, &byte, 1, 0) == 1;
        if (one_thread) {
            const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            ok = ok && ::recv(peer, &byte, 1, 0) == 1 && ::send(peer, &byte, 1, 0) == 1 &&
                 ::recv(fd, &byte, 1, 0) == 1;
            ::close(fd);
            ok = ok && ::recv(peer, &byte, 1, 0) == 0;
            ::close(peer);
        } else {
            ok = ok && ::recv(fd, &byte, 1, 0) == 1;
            ::close(fd);
        }
    }
    if (server.joinable()) {
        if (!ok) ::shutdown(listener, SHUT_RDWR);
        server.join();
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    ::close(listener);
    return ok ? elapsed.count() : 0;
}

} // namespace tcpdwell::bench

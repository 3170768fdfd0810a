// SPDX-License-Identifier: Apache-2.0
// Wrappers around the socket calls.
#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <system_error>

#include "support/moment.h"

namespace tcpdwell::test {

namespace {

Endpoint endpoint_of(const sockaddr_storage& storage) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (storage.ss_family == AF_INET) {
        const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
        inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
        return {text.data(), ntohs(in.sin_port)};
    }
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &in6.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(in6.sin6_port)};
}

} // namespace

Address::Address(std::string_view addr, std::uint16_t port) {
    const std::string text(addr);
    if (text.find(':') == std::string::npos) {
        auto& in = reinterpret_cast<sockaddr_in&>(storage);
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        inet_pton(AF_INET, text.c_str(), &in.sin_addr);
        size = sizeof in;
    } else {
        auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(port);
        inet_pton(AF_INET6, text.c_str(), &in6.sin6_addr);
        size = sizeof in6;
    }
}

Fd tcp_socket(int family, int protocol) {
    return Fd(check(socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol), "socket"));
}

void set_option(const Fd& socket, int level, int name, int value) {
    check(setsockopt(socket.get(), level, name, &value, sizeof value), "setsockopt");
}

void set_tcp_option(const Fd& socket, int name, int value) {
    set_option(socket, IPPROTO_TCP, name, value);
}

void set_nonblocking(const Fd& socket) {
    check(fcntl(socket.get(), F_SETFL, O_NONBLOCK), "O_NONBLOCK");
}

void bind_to(const Fd& socket, const Address& address) {
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    check(bind(socket.get(), address.get(), address.size), "bind");
}

Fd listen_on(const Address& address, int backlog) {
    Fd socket = tcp_socket(address.family());
    bind_to(socket, address);
    check(listen(socket.get(), backlog), "listen");
    return socket;
}

void connect_to(const Fd& socket, const Address& address) {
    if (connect(socket.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)
        check(-1, "connect");
}

int failing_connect(const Fd& socket, const Address& address) {
    if (connect(socket.get(), address.get(), address.size) != 0) return errno;
    errno = EISCONN;
    check(-1, "connect that should fail");
    return 0;
}

void disconnect(const Fd& socket) {
    const sockaddr unspecified{.sa_family = AF_UNSPEC, .sa_data = {}};
    check(connect(socket.get(), &unspecified, sizeof unspecified), "connect(AF_UNSPEC)");
}

Fd accept_from(const Fd& listener) {
    await_readable(listener);
    return Fd(check(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept4"));
}

void send_bytes(const Fd& socket, std::size_t count) {
    const std::string bytes(count, 'x');
    if (check(send(socket.get(), bytes.data(), count, MSG_NOSIGNAL), "send") !=
        static_cast<int>(count)) {
        errno = ENOBUFS;
        check(-1, "send took less than all");
    }
}

void await_readable(const Fd& socket, std::chrono::milliseconds limit) {
    pollfd wait{.fd = socket.get(), .events = POLLIN | POLLRDHUP, .revents = 0};
    if (check(poll(&wait, 1, static_cast<int>(patience(limit) / 1ms)), "poll") == 0) {
        errno = ETIMEDOUT;
        check(-1, "nothing arrived at the socket");
    }
}

int read_to_end(const Fd& socket) {
    std::array<char, 4096> buffer;
    for (;;) {
        await_readable(socket);
        const ssize_t got = recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got < 0) return errno;
        if (got == 0) return 0;
    }
}

void open_and_close(const Fd& listener) {
    Fd client = tcp_socket();
    connect_to(client, local_of(listener));
    Fd server = accept_from(listener);
    client.reset();
    await_readable(server);
    server.reset();
}

void abort_socket(Fd& socket) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    check(setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now), "SO_LINGER");
    socket.reset();
}

Endpoint local_of(const Fd& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    check(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size), "getsockname");
    return endpoint_of(storage);
}

Endpoint remote_of(const Fd& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    check(getpeername(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size), "getpeername");
    return endpoint_of(storage);
}

std::uint64_t cookie_of(const Fd& socket) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    check(getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &size), "SO_COOKIE");
    return cookie;
}

int state_of(const Fd& socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    check(getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size), "TCP_INFO");
    return info.tcpi_state;
}

int listed_state(std::uint16_t local_port, std::uint16_t remote_port) {
    std::ifstream table("/proc/thread-self/net/tcp");
    for (std::string line; std::getline(table, line);) {
        unsigned local = 0, remote = 0, state = 0;
        if (std::sscanf(line.c_str(), " %*d: %*8x:%x %*8x:%x %x", &local, &remote, &state) == 3 &&
            local == local_port && remote == remote_port)
            return static_cast<int>(state);
    }
    return -1;
}

} // namespace tcpdwell::test

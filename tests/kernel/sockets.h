// SPDX-License-Identifier: Apache-2.0
// TCP sockets for the tests: thin wrappers that throw std::system_error when a call fails which a
// test relies on.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "support/check.h"

namespace tcpdwell::test {

/// Address text as inet_ntop(3) writes it, and port.
struct Endpoint {
    std::string addr;
    std::uint16_t port = 0;

    bool operator==(const Endpoint&) const = default;
};

/// A socket address of either family.
struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    /// IPv6 if `addr` contains a colon.
    Address(std::string_view addr, std::uint16_t port);
    Address(const Endpoint& endpoint) : Address(endpoint.addr, endpoint.port) {}
    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    [[nodiscard]] int family() const { return storage.ss_family; }
};

Fd tcp_socket(int family = AF_INET, int protocol = 0);
void set_option(const Fd& socket, int level, int name, int value);
void set_tcp_option(const Fd& socket, int name, int value);
void set_nonblocking(const Fd& socket);
void bind_to(const Fd& socket, const Address& address);
/// Binds (port 0: any free port) and listens.
Fd listen_on(const Address& address, int backlog = 128);
void connect_to(const Fd& socket, const Address& address);
/// connect() that must not succeed; the errno of it.
int failing_connect(const Fd& socket, const Address& address);
/// connect(AF_UNSPEC): back to CLOSE, the socket stays usable.
void disconnect(const Fd& socket);
Fd accept_from(const Fd& listener);
/// Sends `count` bytes; throws unless all are taken.
void send_bytes(const Fd& socket, std::size_t count);
/// Waits until data, FIN or an error has arrived at the socket; throws after `limit`.
void await_readable(const Fd& socket, std::chrono::milliseconds limit = std::chrono::seconds(10));
/// What ended a connection: waits for it as await_readable does, reads all data, and gives the
/// errno, 0 for a FIN.
int read_to_end(const Fd& socket);
/// A connection to the listener, closed by the client and then by the server.
void open_and_close(const Fd& listener);
/// close() that sends an RST.
void abort_socket(Fd& socket);

Endpoint local_of(const Fd& socket);
Endpoint remote_of(const Fd& socket);
std::uint64_t cookie_of(const Fd& socket);
/// State of a full socket by TCP_INFO: TCP_ESTABLISHED...
int state_of(const Fd& socket);
/// State of whatever the namespace holds for this pair of IPv4 ports, by /proc/net/tcp
/// (mini-sockets included, with their substate); -1 if there is nothing.
int listed_state(std::uint16_t local_port, std::uint16_t remote_port);

} // namespace tcpdwell::test

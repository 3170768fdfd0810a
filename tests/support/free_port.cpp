// SPDX-License-Identifier: Apache-2.0
#include "support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <random>
#include <stdexcept>

#include "base/fd.h"
#include "support/check.h"

namespace tcpdwell::test {

std::uint16_t free_port() {
    constexpr int kTries = 1'000;
    int first_ephemeral = 0, last_ephemeral = 0;
    std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first_ephemeral >> last_ephemeral;
    // At random, as other tests look for ports at the same time.
    std::random_device random;
    std::uniform_int_distribution<int> ports(1024, 65535);
    for (int i = 0; i < kTries; ++i) {
        const int port = ports(random);
        if (port >= first_ephemeral && port <= last_ephemeral) continue;
        const Fd socket(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0)
            return static_cast<std::uint16_t>(port);
    }
    throw std::runtime_error("no TCP port outside net.ipv4.ip_local_port_range is free");
}

} // namespace tcpdwell::test

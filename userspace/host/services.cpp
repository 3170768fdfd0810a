// SPDX-License-Identifier: Apache-2.0
#include "host/services.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <unistd.h>

#include <array>
#include <string>

namespace tcpdwell::host {

Result<tcp::Port> tcp_port_of_service(std::string_view name) {
    constexpr const char* kTable = "/etc/services";
    servent entry{};
    servent* found = nullptr;
    std::array<char, 8192> buffer{};
    getservbyname_r(std::string(name).c_str(), "tcp", &entry, buffer.data(), buffer.size(), &found);
    if (found) return ntohs(static_cast<std::uint16_t>(found->s_port));
    if (access(kTable, R_OK) != 0)
        return fail(ErrorCode::usage,
                    std::string("names of ports are looked up in ") + kTable +
                        ", which this host doesn't have (Debian's package netbase); give the "
                        "number");
    return fail(ErrorCode::usage,
                std::string("no TCP service of that name in ") + kTable +
                    "; a port is a number from 1 to 65535, a range such as 8000-8100, or the name "
                    "of a service");
}

} // namespace tcpdwell::host

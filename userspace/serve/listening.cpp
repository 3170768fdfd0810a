// SPDX-License-Identifier: Apache-2.0
#include "serve/listening.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace tcpdwell::serve {
namespace {

constexpr int kBacklog = 128;
constexpr std::string_view kUnix = "unix:";

tl::unexpected<Error> cannot_listen(const std::string& where, int error) {
    std::string remedy;
    if (error == EADDRINUSE)
        remedy = "; another program, or another tcpdwell serve, listens there: choose another "
                 "place with --listen";
    else if (error == EADDRNOTAVAIL)
        remedy = "; this host doesn't have that address";
    else if (error == EACCES)
        remedy = "; that takes more rights";
    return fail(ErrorCode::failed,
                fmt::format("cannot listen at {}: {}{}", where, std::strerror(error), remedy),
                error);
}

/// Whether somebody accepts connections at the socket file.
bool is_served(const sockaddr_un& address) {
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
               0 ||
           errno != ECONNREFUSED;
}

Result<ListeningSocket> listen_at_file(const std::string& where) {
    const std::string path = where.substr(kUnix.size());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(ErrorCode::usage, fmt::format("{}: the path has to have 1 to {} bytes", where,
                                                  sizeof(address.sun_path) - 1));
    std::memcpy(address.sun_path, path.data(), path.size());
    struct stat there {};
    if (::lstat(path.c_str(), &there) == 0) {
        if (!S_ISSOCK(there.st_mode))
            return fail(ErrorCode::failed,
                        fmt::format("cannot listen at {}: {} is there, and is no socket; choose "
                                    "another path",
                                    where, S_ISDIR(there.st_mode) ? "a folder" : "a file"),
                        EADDRINUSE);
        if (is_served(address)) return cannot_listen(where, EADDRINUSE);
        ::unlink(path.c_str()); // left by one that was killed
    }
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(fd.get(), kBacklog) != 0)
        return cannot_listen(where, errno);
    return ListeningSocket{std::move(fd), where};
}

/// getaddrinfo takes any number and leaves out what doesn't fit.
bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && stop == text.data() + text.size();
}

std::string name_of(const Fd& fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return "?";
    if (address.ss_family == AF_UNIX)
        return fmt::format("{}{}", kUnix, reinterpret_cast<sockaddr_un&>(address).sun_path);
    if (::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof(host), port,
                      sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "?";
    return address.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port)
                                         : fmt::format("{}:{}", host, port);
}

} // namespace

Result<ListeningSocket> listen_at(const std::string& where) {
    if (where.starts_with(kUnix)) return listen_at_file(where);
    const std::size_t colon = where.rfind(':');
    std::string host = where.substr(0, colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    if (colon == std::string::npos || host.empty() || colon + 1 == where.size())
        return fail(ErrorCode::usage,
                    fmt::format("{}: not HOST:PORT, [IPV6]:PORT or unix:PATH", where));
    const std::string port = where.substr(colon + 1);
    if (!is_port(port))
        return fail(ErrorCode::usage,
                    fmt::format("{}: '{}' isn't a port, a number from 0 to 65535 (0: a free one)",
                                where, printable(port)));
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    if (error != 0)
        return fail(ErrorCode::usage, fmt::format("{}: {}", where, ::gai_strerror(error)));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    // Connections of one that was killed may still be in TIME_WAIT.
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        ::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
        ::listen(fd.get(), kBacklog) != 0)
        return cannot_listen(where, errno);
    const std::string name = name_of(fd);
    return ListeningSocket{std::move(fd), name};
}

Result<ListeningSocket> adopt_socket(Fd fd) {
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
        return fail(ErrorCode::failed,
                    fmt::format("descriptor {} of LISTEN_FDS is no socket that listens: the "
                                ".socket unit has to have ListenStream= and Accept=no",
                                fd.get()));
    const std::string name = name_of(fd);
    return ListeningSocket{std::move(fd), name};
}

} // namespace tcpdwell::serve

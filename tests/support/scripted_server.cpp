// SPDX-License-Identifier: Apache-2.0
#include "support/scripted_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>

#include "support/check.h"

namespace tcpdwell::test {
namespace {

constexpr int kTick = 20; // ms: how often the thread looks whether it shall end

bool becomes_readable(int fd, const std::atomic<bool>& is_over) {
    while (!is_over) {
        pollfd waiting{fd, POLLIN, 0};
        if (::poll(&waiting, 1, kTick) > 0) return true;
    }
    return false;
}

std::size_t body_length(const std::string& head) {
    const std::size_t at = head.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + 16, nullptr, 10);
}

} // namespace

HttpReply reply(int status, const std::string& body, const std::string& more) {
    return {"HTTP/1.1 " + std::to_string(status) + " Word\r\nConnection: close\r\n" + more +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
            {}};
}

ScriptedServer::ScriptedServer(Script script, std::uint16_t port)
    : script_(std::move(script)),
      listener_(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    const int yes = 1;
    check(::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), "reuse");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t length = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener_.get(), any, length), "bind");
    check(::listen(listener_.get(), SOMAXCONN), "listen");
    check(::getsockname(listener_.get(), any, &length), "getsockname");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

ScriptedServer::~ScriptedServer() {
    is_over_ = true;
    thread_.join();
}

std::vector<HttpRequest> ScriptedServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void ScriptedServer::serve() {
    while (becomes_readable(listener_.get(), is_over_)) {
        const Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (client) answer(client);
    }
}

void ScriptedServer::answer(const Fd& client) {
    std::string received;
    std::size_t head_end = std::string::npos;
    while (true) {
        if (head_end == std::string::npos) head_end = received.find("\r\n\r\n");
        if (head_end != std::string::npos &&
            received.size() >= head_end + 4 + body_length(received.substr(0, head_end)))
            break;
        std::array<char, 65536> part{};
        if (!becomes_readable(client.get(), is_over_)) return;
        const ssize_t got = ::recv(client.get(), part.data(), part.size(), 0);
        if (got <= 0) return; // a client that was killed
        received.append(part.data(), static_cast<std::size_t>(got));
    }
    const HttpRequest request{received.substr(0, head_end), received.substr(head_end + 4)};
    HttpReply answer;
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        answer = script_(request);
    }
    for (auto left = answer.delay; left.count() > 0 && !is_over_;
         left -= std::chrono::milliseconds(kTick)) {
        pollfd gone{client.get(), POLLRDHUP, 0};
        if (::poll(&gone, 1, kTick) > 0) return; // others wait to be answered
    }
    std::size_t sent = 0;
    while (sent < answer.bytes.size()) {
        const ssize_t n = ::send(client.get(), answer.bytes.data() + sent,
                                 answer.bytes.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<std::size_t>(n);
    }
    ::shutdown(client.get(), SHUT_WR);
}

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// The server with clients of every kind, at a Unix socket.
#include "serve/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
protected:
    void SetUp() override {
        std::vector<serve::ListeningSocket> sockets;
        auto socket = serve::listen_at("unix:" + path_);
        ASSERT_TRUE(socket) << socket.error().message;
        sockets.push_back(std::move(*socket));
        auto server =
            serve::HttpServer::start(std::move(sockets), [this](const serve::HttpRequest& request) {
                ++requests_;
                last_path_ = request.path;
                return serve::text_response(200, "hello\n");
            });
        ASSERT_TRUE(server) << server.error().message;
        server_.emplace(std::move(*server));
    }

    [[nodiscard]] Fd client() const {
        Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        const bool is_connected =
            ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
        return is_connected ? std::move(fd) : Fd();
    }

    /// What it is answered until the server closes, or it has been silent for a while.
    std::string talk(const Fd& fd, std::string request) {
        std::string answer;
        for (int idle = 0; idle < 100;) {
            if (!request.empty()) {
                const ssize_t sent = ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
                if (sent > 0) request.erase(0, static_cast<std::size_t>(sent));
                if (sent < 0 && errno != EAGAIN) request.clear();
            }
            server_->run();
            char part[4096];
            const ssize_t got = ::recv(fd.get(), part, sizeof(part), 0);
            if (got > 0) answer.append(part, static_cast<std::size_t>(got));
            if (got == 0 || (got < 0 && errno != EAGAIN)) break;
            pollfd waits{fd.get(), POLLIN, 0};
            idle = got > 0 ? 0 : idle + 1;
            if (got < 0) ::poll(&waits, 1, 1);
        }
        return answer;
    }
    std::string talk(const std::string& request) { return talk(client(), request); }

    TemporaryFolder folder_;
    std::string path_ = (std::filesystem::path(folder_.path()) / "http").string();
    std::optional<serve::HttpServer> server_;
    int requests_ = 0;
    std::string last_path_;
};

TEST_F(HttpServerTest, answers_get_and_head_only) {
    const std::string answer = talk("GET /metrics HTTP/1.0\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nhello\n"));
    EXPECT_THAT(talk("HEAD / HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\n"));
    EXPECT_EQ(requests_, 2);
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "NONSENSE"}) {
        const std::string refused = talk(std::string(method) + " / HTTP/1.0\r\n\r\n");
        EXPECT_THAT(refused, HasSubstr(" 405 ")) << method;
        EXPECT_THAT(refused, HasSubstr("Allow: GET, HEAD\r\n")) << method;
    }
    EXPECT_EQ(requests_, 2);
}

TEST_F(HttpServerTest, takes_paths_as_they_are_written) {
    talk("GET /a%2f..%00b?c=d HTTP/1.0\r\n\r\n");
    EXPECT_EQ(last_path_, "/a%2f..%00b");
}

TEST_F(HttpServerTest, takes_neither_long_headers_nor_bodies) {
    const std::string big(100'000, 'x');
    EXPECT_THAT(talk("GET / HTTP/1.0\r\nX: " + big + "\r\n\r\n"), testing::Not(HasSubstr(" 200 ")));
    EXPECT_THAT(talk("GET /" + big + " HTTP/1.0\r\n\r\n"), testing::Not(HasSubstr(" 200 ")));
    EXPECT_THAT(talk("GET / HTTP/1.0\r\nContent-Length: 5\r\n\r\nabcde"),
                testing::Not(HasSubstr(" 200 ")));
    EXPECT_EQ(requests_, 0);
    EXPECT_THAT(talk("GET / HTTP/1.0\r\n\r\n"), HasSubstr(" 200 "));
}

TEST_F(HttpServerTest, keeps_a_connection_for_the_next_request) {
    const Fd fd = client();
    for (int i = 0; i < 3; ++i)
        EXPECT_THAT(talk(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr(" 200 ")) << i;
    EXPECT_EQ(requests_, 3);
}

TEST_F(HttpServerTest, forgets_connections_that_are_over) {
    // More than it has room for at a time.
    for (unsigned i = 0; i < 2 * serve::HttpServer::kMostConnections; ++i)
        ASSERT_THAT(talk("GET / HTTP/1.0\r\n\r\n"), HasSubstr(" 200 ")) << i;
}

TEST_F(HttpServerTest, silent_clients_make_room) {
    std::vector<Fd> silent;
    for (unsigned i = 0; i < serve::HttpServer::kMostConnections; ++i) {
        silent.push_back(client());
        server_->run();
    }
    const auto begin = std::chrono::steady_clock::now();
    Fd fd;
    std::string answer;
    while (answer.empty() && std::chrono::steady_clock::now() - begin < 20s) {
        fd = client();
        if (fd) answer = talk(fd, "GET / HTTP/1.0\r\n\r\n");
    }
    EXPECT_THAT(answer, HasSubstr(" 200 "));
}

TEST(ListenAt, refuses_what_it_cannot_have) {
    TemporaryFolder folder;
    const std::string path = (std::filesystem::path(folder.path()) / "s").string();
    for (const std::string& where :
         {std::string("nonsense"), std::string(":80"), std::string("127.0.0.1:"),
          std::string("127.0.0.1:http"), std::string("unix:"), "unix:/" + std::string(200, 'x')}) {
        const auto socket = serve::listen_at(where);
        ASSERT_FALSE(socket) << where;
        EXPECT_EQ(socket.error().code, ErrorCode::usage) << where;
    }
    {
        const auto first = serve::listen_at("unix:" + path);
        ASSERT_TRUE(first);
        const auto second = serve::listen_at("unix:" + path);
        ASSERT_FALSE(second);
        EXPECT_THAT(second.error().message, HasSubstr("another tcpdwell serve"));
    }
    // Its file is still there, and nobody listens.
    EXPECT_TRUE(serve::listen_at("unix:" + path));
    const std::string file = path + ".txt";
    std::ofstream(file) << "text";
    EXPECT_THAT(serve::listen_at("unix:" + file).error().message,
                HasSubstr("a file is there, and is no socket"));
    EXPECT_TRUE(std::filesystem::exists(file));
    EXPECT_THAT(serve::listen_at("unix:" + folder.path().string()).error().message,
                HasSubstr("a folder is there"));
}

TEST(ListenAt, takes_numbers_of_ports_only) {
    for (const char* port : {"65536", "99999", "-1", "http", "80x"}) {
        const auto socket = serve::listen_at(std::string("127.0.0.1:") + port);
        ASSERT_FALSE(socket) << port;
        EXPECT_EQ(socket.error().code, ErrorCode::usage) << port;
        EXPECT_THAT(socket.error().message, HasSubstr(std::string("'") + port +
                                                      "' isn't a port, a number from 0 to 65535"));
    }
}

TEST(ListenAt, names_the_port_that_was_chosen) {
    const auto socket = serve::listen_at("127.0.0.1:0");
    ASSERT_TRUE(socket) << socket.error().message;
    EXPECT_THAT(socket->name, StartsWith("127.0.0.1:"));
    EXPECT_NE(socket->name, "127.0.0.1:0");
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// An HTTP server on loopback that answers what the test says, byte for byte, and notes what it was
// asked. One request per connection.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace tcpdwell::test {

struct HttpRequest {
    std::string head; ///< request line and headers
    std::string body;

    [[nodiscard]] bool has(const std::string& text) const {
        return head.find(text) != std::string::npos;
    }
};

struct HttpReply {
    std::string bytes; ///< all that is sent; "": the connection is closed instead
    std::chrono::milliseconds delay{0};
};

/// With the headers that are needed, and `more` ("Name: value\r\n").
HttpReply reply(int status, const std::string& body = "", const std::string& more = "");

class ScriptedServer {
public:
    using Script = std::function<HttpReply(const HttpRequest&)>;

    /// `port` 0: any.
    explicit ScriptedServer(Script script, std::uint16_t port = 0);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::vector<HttpRequest> requests() const;

private:
    void serve();
    void answer(const Fd& client);

    Script script_;
    Fd listener_;
    std::uint16_t port_ = 0;
    std::atomic<bool> is_over_ = false;
    mutable std::mutex mutex_;
    std::vector<HttpRequest> requests_;
    std::thread thread_;
};

} // namespace tcpdwell::test

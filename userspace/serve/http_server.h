// SPDX-License-Identifier: Apache-2.0
// HTTP at sockets that listen, in the thread that calls it and only when it does: libmicrohttpd
// with external polling.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "serve/http.h"
#include "serve/listening.h"

namespace tcpdwell::serve {

/// Whatever clients do, a server has kMostConnections of at most kMostHeaderBytes each; one that
/// doesn't send its request, or take the answer, within kLongestRequest is closed, as is one that
/// is silent for kSilenceSeconds. Where they are many, those that have been at it for longer than a
/// second make room. Only GET and HEAD are answered. One server for each socket.
/// Raises the process's limit of descriptors to what that takes.
class HttpServer {
public:
    static constexpr unsigned kMostConnections = 256;
    static constexpr std::size_t kMostHeaderBytes = 16 << 10;
    static constexpr unsigned kSilenceSeconds = 10;
    static constexpr unsigned kLongestRequestSeconds = 60;

    /// Takes over the sockets; `handler` is called by run() only.
    static Result<HttpServer> start(std::vector<ListeningSocket> sockets, HttpHandler handler);
    HttpServer(HttpServer&&) noexcept;
    HttpServer& operator=(HttpServer&&) noexcept;
    ~HttpServer();

    /// Takes connections, reads requests, answers, as far as that is possible without waiting.
    void run();
    /// Readable when there is something for run() to do; one for each socket.
    [[nodiscard]] std::vector<int> poll_fds() const;

private:
    class Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace tcpdwell::serve

// SPDX-License-Identifier: Apache-2.0
// A spool, and a process that sends what is in it to a server of the test's.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "batches.h"
#include "store/sender.h"
#include "support/moment.h"

namespace tcpdwell::test {

class SenderTest : public testing::Test {
protected:
    store::SenderOptions options(std::uint16_t port) const {
        store::SenderOptions options;
        auto server = store::ServerUrl::parse("http://127.0.0.1:" + std::to_string(port) + "/net");
        EXPECT_TRUE(server);
        options.server = *server;
        options.back_off = {std::chrono::milliseconds(20), std::chrono::milliseconds(100)};
        options.restarts = options.back_off;
        return options;
    }
    static store::Sender started(const store::Spool& spool, const store::SenderOptions& options) {
        auto sender = store::Sender::start(spool, options);
        EXPECT_TRUE(sender) << sender.error().message;
        return std::move(*sender);
    }
    static void add(store::Spool& spool, std::uint64_t rows, const std::string& lines = "{}\n") {
        const auto added = spool.add("ends", rows, lines);
        ASSERT_TRUE(added) << added.error().message;
    }
    static bool drained(store::Sender& sender, std::chrono::nanoseconds limit = patience(20s)) {
        const auto done = sender.drain(limit);
        EXPECT_TRUE(done) << done.error().message;
        return done.value_or(false);
    }
    template <class Condition>
    static bool becomes(const Condition& condition) {
        const auto end = std::chrono::steady_clock::now() + patience(20s);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            pause(5ms);
        }
        return true;
    }
    [[nodiscard]] std::vector<std::string> files() const { return files_in(path_); }
    [[nodiscard]] std::vector<std::string> rejected() const {
        return files_in(path_ + "/rejected");
    }

    TemporaryFolder folder_;
    std::string path_ = folder_.path() / "spool";
    LogFile log_;
};

/// The child of a sender's supervisor, or of another process; 0: it has none just now.
inline pid_t child_of(pid_t parent) {
    const std::string pid = std::to_string(parent);
    pid_t child = 0;
    std::ifstream("/proc/" + pid + "/task/" + pid + "/children") >> child;
    return child;
}

inline std::vector<std::string> tokens_of(const ScriptedServer& server) {
    std::vector<std::string> tokens;
    for (const HttpRequest& request : server.requests())
        if (!asks_for_settings(request)) tokens.push_back(token_of(request));
    return tokens;
}

/// Answers insertions by `script`, which is given the number of them so far.
inline ScriptedServer::Script
after_settings(std::function<HttpReply(int, const HttpRequest&)> script) {
    return [script = std::move(script), number = 0](const HttpRequest& request) mutable {
        return asks_for_settings(request) ? settings_reply() : script(number++, request);
    };
}

} // namespace tcpdwell::test

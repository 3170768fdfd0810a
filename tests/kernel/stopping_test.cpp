// SPDX-License-Identifier: Apache-2.0
// Tracing that stops amid traffic: what is under way at that moment is open or unknown, never a
// failure, and nothing counts as missed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "lines.h"
#include "netns.h"
#include "sockets.h"
#include "support/moment.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;
constexpr int kStops = 6;

/// Connects to itself in a loop, until it is stopped. An RST ends each connection, so that no
/// TIME_WAIT is left.
class ConnectLoop {
public:
    ConnectLoop() : listener_(listen_on({"127.0.0.1", 0})), thread_([this] { run(); }) {}
    ~ConnectLoop() {
        stops_ = true;
        thread_.join();
    }

private:
    void run() {
        while (!stops_) {
            Fd client = tcp_socket();
            connect_to(client, local_of(listener_));
            const Fd server = accept_from(listener_);
            abort_socket(client);
        }
    }

    Fd listener_;
    std::atomic<bool> stops_ = false;
    std::thread thread_;
};

TEST(Stopping, amidConnectsMakesNoneOfThemAFailure) {
    enter_new_netns();
    ConnectLoop loop;
    std::size_t seen = 0;
    for (int i = 0; i < kStops; ++i) {
        Tracer tracer({"trace", "--connections", "--format", "jsonl", "--netns",
                       std::to_string(current_netns())});
        ASSERT_TRUE(tracer.await_first_line(kPatience)) << tracer.complaints();
        pause(100ms);
        EXPECT_EQ(tracer.interrupt(kPatience), 0) << tracer.complaints();
        for (const nlohmann::json& line : tracer.lines()) {
            if (line.at("type") != "connection") continue;
            const ConnectionLine connection = parse_connection(line);
            ++seen;
            EXPECT_NE(connection.ending, "handshake_failed") << connection.text;
            EXPECT_NE(connection.ending, "connect_failed") << connection.text;
        }
    }
    EXPECT_GT(seen, 100u * kStops);
}

} // namespace
} // namespace tcpdwell::test

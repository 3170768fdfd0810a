// SPDX-License-Identifier: Apache-2.0
// What was traced against what the kernel counted itself (SNMP counters of a network namespace),
// and both against what this program does by construction.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "netns.h"
#include "sockets.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kCountersLimit = 30s;
constexpr int kWell = 30;
constexpr int kRefused = 7;
constexpr int kAborted = 5;
constexpr int kUnread = 4;

void make_traffic(const Fd& listener) {
    for (int i = 0; i < kWell; ++i) open_and_close(listener);
    for (int i = 0; i < kRefused; ++i)
        EXPECT_EQ(failing_connect(tcp_socket(), Address("127.0.0.1", 1)), ECONNREFUSED);
    for (int i = 0; i < kAborted + kUnread; ++i) {
        Fd client = tcp_socket();
        connect_to(client, local_of(listener));
        Fd server = accept_from(listener);
        if (i < kAborted) {
            abort_socket(client);
            read_to_end(server);
        } else {
            send_bytes(client, 10);
            await_readable(server);
            server.reset(); // an RST, as the data is unread
            read_to_end(client);
        }
    }
}

int count_of(const std::vector<json>& lines, const char* from, const char* to,
             const char* role = nullptr) {
    int count = 0;
    for (const json& line : lines)
        count += line.at("type") == "transition" && line.at("from") == from &&
                 line.at("to") == to && (role == nullptr || line.at("role") == role);
    return count;
}

TEST(Counters, agreeWithWhatWasTraced) {
    json counters;
    std::vector<json> lines;
    std::thread([&] {
        enter_new_netns();
        const Fd listener = listen_on(Address("127.0.0.1", 0));
        Tracer tracer({"trace", "--format", "jsonl", "--netns", std::to_string(current_netns())});
        ASSERT_TRUE(tracer.await_first_line(kCountersLimit)) << tracer.complaints();
        std::this_thread::sleep_for(500ms); // the first reading
        make_traffic(listener);
        std::this_thread::sleep_for(100ms);
        ASSERT_EQ(tracer.interrupt(kCountersLimit), 0) << tracer.complaints();
        tracer.read_more();
        lines = tracer.lines();
    }).join();
    for (const json& line : lines)
        if (line.at("type") == "counters") counters = line;
    ASSERT_FALSE(counters.is_null());

    // tcp_connect() and tcp_create_openreq_child()
    EXPECT_EQ(counters.value("ActiveOpens", 0), kWell + kRefused + kAborted + kUnread);
    EXPECT_EQ(count_of(lines, "CLOSE", "SYN_SENT"), counters.value("ActiveOpens", 0));
    EXPECT_EQ(counters.value("PassiveOpens", 0), kWell + kAborted + kUnread);
    EXPECT_EQ(count_of(lines, "SYN_RECV", "ESTABLISHED", "server"),
              counters.value("PassiveOpens", 0));
    // tcp_done(), from SYN_SENT
    EXPECT_EQ(counters.value("AttemptFails", 0), kRefused);
    EXPECT_EQ(count_of(lines, "SYN_SENT", "CLOSE"), counters.value("AttemptFails", 0));
    // tcp_set_state(), to CLOSE from ESTABLISHED or CLOSE_WAIT: at each end
    EXPECT_EQ(counters.value("EstabResets", 0), 2 * (kAborted + kUnread));
    EXPECT_EQ(count_of(lines, "ESTABLISHED", "CLOSE") + count_of(lines, "CLOSE_WAIT", "CLOSE"),
              counters.value("EstabResets", 0));
    // tcp_v4_send_reset() for the SYNs, tcp_send_active_reset() for the others
    EXPECT_EQ(counters.value("OutRsts", 0), kRefused + kAborted + kUnread);
    // tcp_close()
    EXPECT_EQ(counters.value("TCPAbortOnData", 0) + counters.value("TCPAbortOnClose", 0),
              kAborted + kUnread);
}

} // namespace
} // namespace tcpdwell::test

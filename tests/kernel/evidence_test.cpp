// SPDX-License-Identifier: Apache-2.0
// What a connection carried, who took it and how it was closed: against the socket's own tcp_info,
// read just before the end, and against what this program does by construction.
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <sys/prctl.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "child.h"
#include "io_uring.h"
#include "sockets.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kLimit = 30s;
constexpr std::size_t kQuestion = 1000;
constexpr std::size_t kAnswer = 200'000;

tcp_info info_of(const Fd& socket) {
    tcp_info info{};
    socklen_t size = sizeof(info);
    EXPECT_EQ(::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info;
}

void read_bytes(const Fd& socket, std::size_t count) {
    std::vector<char> buffer(count);
    while (count > 0) {
        const ssize_t n = ::recv(socket.get(), buffer.data(), count, 0);
        ASSERT_GT(n, 0);
        count -= static_cast<std::size_t>(n);
    }
}

/// Traces what `act` does on the port of `listener`; the connections that were printed, by role and
/// remote port.
class Evidence : public testing::Test {
protected:
    void trace(const std::function<void()>& act, std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"trace", "-c",     "--format",
                                           "jsonl", "--port", std::to_string(port())};
        arguments.insert(arguments.end(), more.begin(), more.end());
        Tracer tracer(arguments);
        ASSERT_TRUE(tracer.await_first_line(kLimit)) << tracer.complaints();
        act();
        std::this_thread::sleep_for(100ms);
        ASSERT_EQ(tracer.interrupt(kLimit), 0) << tracer.complaints();
        tracer.read_more();
        probes_ = tracer.lines().front().at("probes");
        for (const json& line : tracer.lines())
            if (line.at("type") == "connection") lines_.push_back(line);
    }

    [[nodiscard]] std::uint16_t port() const { return local_of(listener_).port; }
    /// The end of that role whose client's port is `client`.
    json end(const char* role, std::uint16_t client) const {
        const char* other = std::string(role) == "client" ? "local" : "remote";
        for (const json& line : lines_)
            if (line.at("role") == role && line.at(other).at("port") == client) return line;
        ADD_FAILURE() << "no " << role << " with port " << client;
        return {};
    }

    Fd listener_ = listen_on(Address("127.0.0.1", 0));
    std::vector<json> lines_;
    std::string probes_; ///< that were used, by their hooks
};

TEST_F(Evidence, numbersAreThoseOfTheSocket) {
    std::uint16_t port = 0;
    tcp_info client_info{};
    tcp_info server_info{};
    trace([&] {
        Fd client = tcp_socket();
        connect_to(client, local_of(listener_));
        port = local_of(client).port;
        Fd server = accept_from(listener_);
        send_bytes(client, kQuestion);
        read_bytes(server, kQuestion);
        std::thread reader([&] { read_bytes(client, kAnswer); });
        send_bytes(server, kAnswer);
        reader.join();
        std::this_thread::sleep_for(60ms); // the last ACK
        client_info = info_of(client);
        server_info = info_of(server);
        server.reset();
        read_to_end(client);
        client.reset();
    });
    const json client = end("client", port);
    const json server = end("server", port);
    // What a busy machine sent twice counts twice.
    EXPECT_EQ(client.at("bytes"), (json{{"sent", client_info.tcpi_bytes_sent},
                                        {"acked", kQuestion},
                                        {"received", kAnswer},
                                        {"unsent", 0},
                                        {"unacked", 0},
                                        {"unread", 0}}));
    EXPECT_EQ(server.at("bytes"), (json{{"sent", server_info.tcpi_bytes_sent},
                                        {"acked", kAnswer},
                                        {"received", kQuestion},
                                        {"unsent", 0},
                                        {"unacked", 0},
                                        {"unread", 0}}));
    // FIN and ACK follow, once each way.
    for (const auto& [line, info] :
         {std::pair(client, client_info), std::pair(server, server_info)}) {
        const auto sent = line.at("segments").at("sent").get<std::uint32_t>();
        const auto received = line.at("segments").at("received").get<std::uint32_t>();
        EXPECT_GE(sent, info.tcpi_segs_out);
        EXPECT_LE(sent, info.tcpi_segs_out + 2);
        EXPECT_GE(received, info.tcpi_segs_in);
        EXPECT_LE(received, info.tcpi_segs_in + 2);
        EXPECT_EQ(line.at("segments").at("retransmitted"), info.tcpi_total_retrans);
        EXPECT_LE(line.at("rtt").at("min_ns").get<std::uint32_t>(), info.tcpi_min_rtt * 1000);
        EXPECT_GT(line.at("rtt").at("smoothed_ns").get<std::int64_t>(), 0);
        EXPECT_EQ(line.at("transport"), "tcp");
    }
}

TEST_F(Evidence, whatIsLeftIsCounted) {
    std::uint16_t unread_at = 0;
    std::uint16_t stuck_at = 0;
    tcp_info stuck_info{};
    trace([&] {
        Fd client = tcp_socket();
        connect_to(client, local_of(listener_));
        unread_at = local_of(client).port;
        Fd server = accept_from(listener_);
        send_bytes(client, 700);
        await_readable(server);
        server.reset(); // with 700 bytes unread: an RST
        Fd second = tcp_socket();
        set_option(second, SOL_SOCKET, SO_RCVBUF, 4096);
        connect_to(second, local_of(listener_));
        stuck_at = local_of(second).port;
        Fd sender = accept_from(listener_);
        set_nonblocking(sender);
        const std::vector<char> much(1 << 20);
        while (::send(sender.get(), much.data(), much.size(), 0) > 0) {}
        std::this_thread::sleep_for(400ms);
        stuck_info = info_of(sender);
        abort_socket(sender);
    });
    EXPECT_EQ(end("server", unread_at).at("bytes").at("unread"), 700);
    const json stuck = end("server", stuck_at);
    const json& bytes = stuck.at("bytes");
    EXPECT_GT(bytes.at("unsent").get<std::int64_t>(), 0) << stuck;
    EXPECT_EQ(stuck.at("peer_window"), 0);
    EXPECT_EQ(stuck.at("retransmits"), stuck_info.tcpi_retransmits);
    const int probes = stuck.at("probes");
    EXPECT_GE(probes, stuck_info.tcpi_probes);
    EXPECT_LE(probes, stuck_info.tcpi_probes + 1);
    EXPECT_EQ(stuck.at("mptcp_state"), nullptr);
    EXPECT_GT(stuck.at("limited_ns").at("receiver").get<std::int64_t>(), 200'000'000) << stuck;
    EXPECT_LE(stuck.at("limited_ns").at("receiver").get<std::int64_t>(), 3'000'000'000) << stuck;
}

TEST_F(Evidence, timeInTheAcceptQueueIsMeasured) {
    std::uint16_t late = 0;
    std::uint16_t never = 0;
    nanoseconds waited{};
    Fd waiting = tcp_socket();
    trace([&] {
        Fd client = tcp_socket();
        connect_to(client, local_of(listener_));
        const auto established = std::chrono::steady_clock::now();
        late = local_of(client).port;
        std::this_thread::sleep_for(300ms);
        Fd server = accept_from(listener_);
        waited = std::chrono::steady_clock::now() - established;
        connect_to(waiting, local_of(listener_));
        never = local_of(waiting).port;
        client.reset();
        read_to_end(server);
    });
    const json accepted = end("server", late).at("accept");
    EXPECT_EQ(accepted.at("accepted"), true);
    const auto delay = nanoseconds(accepted.at("delay_ns").get<std::int64_t>());
    EXPECT_GE(delay, 290ms);
    EXPECT_LE(delay, waited + 5ms);
    EXPECT_EQ(end("server", never).at("accept"),
              (json{{"delay_ns", nullptr}, {"accepted", false}}));
    EXPECT_EQ(end("client", late).at("accept"), nullptr);
}

TEST_F(Evidence, anAcceptByIoUringIsSeen) {
    if (!has_io_uring()) GTEST_SKIP() << "no io_uring here";
    std::uint16_t port = 0;
    nanoseconds waited{};
    Child worker("worker", [&](const Child::Script& script) {
        script.await_order();
        const Fd server = accept_by_io_uring(listener_);
        script.report_done();
        script.await_order();
    });
    const Task task = worker.task(); // while it is there
    trace([&] {
        Fd client = tcp_socket();
        connect_to(client, local_of(listener_));
        const auto established = std::chrono::steady_clock::now();
        port = local_of(client).port;
        std::this_thread::sleep_for(200ms);
        worker.order();
        worker.await_done();
        waited = std::chrono::steady_clock::now() - established;
        worker.order();
        worker.await_exit();
    });
    const json server = end("server", port);
    const json accept = server.at("accept");
    EXPECT_EQ(accept.at("accepted"), true);
    // The tracepoints of the system calls don't see it; then its socket shows it when it is closed.
    if (probes_.find("inet_csk_accept") == std::string::npos) {
        EXPECT_EQ(accept.at("delay_ns"), nullptr);
        return;
    }
    EXPECT_EQ(server.at("process").at("pid"), task.pid);
    EXPECT_EQ(server.at("process").at("comm"), task.comm);
    const auto delay = nanoseconds(accept.at("delay_ns").get<std::int64_t>());
    EXPECT_GE(delay, 190ms);
    EXPECT_LE(delay, waited + 5ms);
}

TEST_F(Evidence, theMannerOfClosingIsKnown) {
    std::map<std::string, std::uint16_t> clients;
    const auto open = [&](const char* name) {
        Fd client = tcp_socket();
        connect_to(client, local_of(listener_));
        clients[name] = local_of(client).port;
        return client;
    };
    trace([&] {
        Fd closed = open("close");
        closed.reset();
        const Fd shut = open("shutdown");
        ::shutdown(shut.get(), SHUT_RDWR);
        const Fd disconnected = open("abort");
        disconnect(disconnected);
        // The child has the only descriptor once ours is closed.
        for (const bool killed : {true, false}) {
            Fd held = open(killed ? "signal" : "exit");
            Child child("holder", [&](const Child::Script& script) {
                script.report_done();
                script.await_order();
            });
            child.await_done();
            held.reset();
            if (killed) {
                child.kill_it();
            } else {
                child.order();
                child.await_exit();
            }
        }
    });
    for (const auto& [how, port] : clients) {
        const json closed_by = end("client", port).at("closed_by");
        ASSERT_FALSE(closed_by.is_null()) << how;
        EXPECT_EQ(closed_by.at("how"), how);
        EXPECT_EQ(closed_by.at("signal"), how == "signal" ? json(SIGKILL) : json(nullptr)) << how;
    }
}

TEST_F(Evidence, aThreadIsNamedBesideItsProcess) {
    std::uint16_t port = 0;
    trace(
        [&] {
            std::thread([&] {
                ::prctl(PR_SET_NAME, "speaking-thread");
                Fd client = tcp_socket();
                connect_to(client, local_of(listener_));
                port = local_of(client).port;
            }).join();
        },
        {"--comm", "speaking*"});
    const json process = end("client", port).at("process");
    EXPECT_EQ(process.at("pid"), ::getpid());
    EXPECT_EQ(process.at("comm"), "kernel_evidence"); // the kernel keeps 15 bytes
    EXPECT_EQ(process.at("thread"), "speaking-thread");
}

TEST_F(Evidence, repairModeClosesSilently) {
    std::uint16_t port = 0;
    trace([&] {
        Fd client = tcp_socket();
        connect_to(client, local_of(listener_));
        port = local_of(client).port;
        set_tcp_option(client, TCP_REPAIR, 1);
        client.reset();
    });
    const json client = end("client", port);
    EXPECT_EQ(client.at("ending"), "dropped_silently");
    EXPECT_EQ(client.at("ending_detail"), "repair");
    EXPECT_EQ(client.at("closed_first"), "local");
    EXPECT_EQ(client.at("seen"), "whole");
}

/// The first event of a connect() passes any filter by ports: its own port isn't known yet.
TEST_F(Evidence, whatAFilterHidesIsNotMissed) {
    const Fd other = listen_on(Address("127.0.0.1", 0));
    Tracer tracer({"trace", "-c", "--format", "jsonl", "--port", std::to_string(port())});
    ASSERT_TRUE(tracer.await_first_line(kLimit)) << tracer.complaints();
    for (int i = 0; i < 50; ++i) open_and_close(other);
    open_and_close(listener_);
    std::this_thread::sleep_for(100ms);
    ASSERT_EQ(tracer.interrupt(kLimit), 0) << tracer.complaints();
    EXPECT_EQ(tracer.complaints().find("NOT SEEN"), std::string::npos) << tracer.complaints();
}

TEST_F(Evidence, withoutNumbersThereAreNone) {
    std::uint16_t port = 0;
    trace(
        [&] {
            Fd client = tcp_socket();
            connect_to(client, local_of(listener_));
            port = local_of(client).port;
        },
        {"--no-numbers"});
    const json client = end("client", port);
    for (const char* key : {"bytes", "segments", "rtt", "limited_ns", "idle"})
        EXPECT_EQ(client.at(key), nullptr) << key;
    EXPECT_EQ(client.at("closed_by").at("how"), "close");
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// MPTCP: a subflow is a TCP connection, whose end the MPTCP socket above it decides.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "netns.h"
#include "sockets.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kLimit = 30s;
constexpr int kMptcp = 262; // IPPROTO_MPTCP

/// Both ends of an MPTCP connection that has carried data both ways.
struct MptcpPair {
    Fd client;
    Fd server;
};

void exchange(const Fd& from, const Fd& to) {
    send_bytes(from, 5);
    char bytes[5];
    ASSERT_EQ(::recv(to.get(), bytes, sizeof bytes, MSG_WAITALL), 5);
}

class Mptcp : public testing::Test {
protected:
    void SetUp() override {
        if (!has_sysctl("mptcp/enabled")) GTEST_SKIP() << "no MPTCP here";
        enter_new_netns();
        write_sysctl("mptcp/enabled", "1");
        listener_ = tcp_socket(AF_INET, kMptcp);
        bind_to(listener_, {"127.0.0.1", 0});
        check(::listen(listener_.get(), 8), "listen");
    }

    MptcpPair open() {
        MptcpPair pair;
        pair.client = tcp_socket(AF_INET, kMptcp);
        connect_to(pair.client, local_of(listener_));
        pair.server = accept_from(listener_);
        exchange(pair.client, pair.server);
        exchange(pair.server, pair.client);
        return pair;
    }

    /// The two ends of the one connection that `act` makes: client, server.
    std::pair<json, json> ends_of(const std::function<void()>& act,
                                  const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"trace", "-c",      "--format",
                                           "jsonl", "--netns", std::to_string(current_netns())};
        arguments.insert(arguments.end(), more.begin(), more.end());
        Tracer tracer(arguments);
        EXPECT_TRUE(tracer.await_first_line(kLimit)) << tracer.complaints();
        act();
        std::this_thread::sleep_for(300ms); // subflows are closed by a kworker
        EXPECT_EQ(tracer.interrupt(kLimit), 0) << tracer.complaints();
        tracer.read_more();
        const std::uint16_t port = local_of(listener_).port;
        std::map<std::string, json> ends;
        for (const json& line : tracer.lines())
            if (line.at("type") == "connection")
                ends[line.at("local").at("port") == port ? "server" : "client"] = line;
        EXPECT_EQ(ends.size(), 2U);
        return {ends["client"], ends["server"]};
    }

    Fd listener_;
};

TEST_F(Mptcp, subflowsAreMarked) {
    const auto [client, server] = ends_of([&] {
        MptcpPair pair = open();
        pair.client.reset();
        EXPECT_EQ(read_to_end(pair.server), 0);
        pair.server.reset();
    });
    for (const json& end : {client, server}) {
        EXPECT_EQ(end.at("transport"), "mptcp");
        EXPECT_EQ(end.at("ending"), "fin");
        EXPECT_EQ(end.at("seen"), "whole");
        EXPECT_FALSE(end.at("mptcp_state").is_null()) << end;
    }
    EXPECT_EQ(server.at("accept").at("accepted"), true);
    EXPECT_FALSE(server.at("accept").at("delay_ns").is_null());
}

TEST_F(Mptcp, theStateOfTheProgramsEndIsKnown) {
    const MptcpPair pair = open();
    ::shutdown(pair.client.get(), SHUT_WR);
    EXPECT_EQ(read_to_end(pair.server), 0);
    const auto [client, server] = ends_of([] {}, {"--idle"});
    EXPECT_EQ(client.at("mptcp_state"), "FIN_WAIT2") << client;
    EXPECT_EQ(server.at("mptcp_state"), "CLOSE_WAIT") << server;
}

TEST_F(Mptcp, aFastCloseIsOneAtBothEnds) {
    const std::function<void(MptcpPair&)> ways[] = {
        [](MptcpPair& pair) { abort_socket(pair.client); },
        [](MptcpPair& pair) { // unread data
            send_bytes(pair.server, 5);
            await_readable(pair.client);
            pair.client.reset();
        },
    };
    for (const auto& way : ways) {
        const auto [client, server] = ends_of([&] {
            MptcpPair pair = open();
            way(pair);
            read_to_end(pair.server);
        });
        EXPECT_EQ(client.at("ending"), "reset_sent") << client;
        EXPECT_EQ(client.at("ending_detail"), "mptcp_fastclose") << client;
        EXPECT_EQ(client.at("closed_first"), "local");
        EXPECT_EQ(server.at("ending"), "reset_received") << server;
        EXPECT_EQ(server.at("ending_detail"), "mptcp_fastclose") << server;
        EXPECT_EQ(server.at("closed_first"), "remote");
    }
}

} // namespace
} // namespace tcpdwell::test

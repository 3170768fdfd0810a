// SPDX-License-Identifier: Apache-2.0
// Who has a descriptor of a socket, and how old what was there before tracing is at least: against
// what this program makes of sockets, and its own clock.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "child.h"
#include "sockets.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kHoldersLimit = 30s;

/// Connections to one listener that stay open; what `trace` prints of them at its end, live and
/// from a recording of the same run.
class Holders : public testing::Test {
protected:
    void trace(const std::function<void()>& act) {
        const std::string file = testing::TempDir() + "holders.tdw";
        std::filesystem::remove(file);
        Tracer tracer({"trace", "-c", "--idle", "--format", "jsonl", "--port",
                       std::to_string(listening().port), "-w", file});
        ASSERT_TRUE(tracer.await_first_line(kHoldersLimit)) << tracer.complaints();
        act();
        std::this_thread::sleep_for(100ms);
        ASSERT_EQ(tracer.interrupt(kHoldersLimit), 0) << tracer.complaints();
        tracer.read_more();
        lines_ = connections(tracer.lines());
        std::string replayed;
        ASSERT_EQ(run_tcpdwell({"trace", "-c", "--idle", "--format", "jsonl", "-r", file},
                               kHoldersLimit, replayed),
                  0);
        std::vector<json> again;
        std::istringstream text(replayed);
        for (std::string line; std::getline(text, line);)
            if (line.starts_with('{')) again.push_back(json::parse(line));
        EXPECT_EQ(connections(again), lines_);
    }

    [[nodiscard]] Endpoint listening() const { return local_of(listener_); }
    struct Pair {
        Fd client;
        Fd server;
        std::uint16_t port = 0;
    };
    Pair open() {
        Pair pair{tcp_socket(), {}, 0};
        connect_to(pair.client, listening());
        pair.port = local_of(pair.client).port;
        pair.server = accept_from(listener_);
        return pair;
    }
    json server(std::uint16_t client) const {
        for (const json& line : lines_)
            if (line.at("local").at("port") == listening().port &&
                line.at("remote").at("port") == client)
                return line;
        ADD_FAILURE() << "no server end with port " << client;
        return {};
    }
    /// pids of its holders.
    std::set<pid_t> holders(std::uint16_t client) const {
        std::set<pid_t> pids;
        const json line = server(client);
        EXPECT_FALSE(line.at("holders").is_null()) << line;
        for (const json& each : line.at("holders")) pids.insert(each.at("pid").get<pid_t>());
        return pids;
    }

    Fd listener_ = listen_on(Address("127.0.0.1", 0));

private:
    static std::vector<json> connections(const std::vector<json>& lines) {
        std::vector<json> found;
        for (const json& line : lines)
            if (line.at("type") == "connection") found.push_back(line);
        return found;
    }
    std::vector<json> lines_;
};

TEST_F(Holders, ofASocketThatAChildHasInherited) {
    Pair pair;
    std::unique_ptr<Child> child;
    trace([&] {
        pair = open();
        child = std::make_unique<Child>("heir", [&](const Child::Script& script) {
            pair.client.reset();
            script.report_done();
            script.await_order();
        });
        child->await_done();
        pair.server.reset(); // no FIN: the child has it, too
        pair.client.reset();
        std::this_thread::sleep_for(50ms);
    });
    EXPECT_EQ(holders(pair.port), std::set<pid_t>{child->task().pid});
    const json line = server(pair.port);
    EXPECT_EQ(line.at("states").back().at("state"), "CLOSE_WAIT");
    EXPECT_EQ(line.at("process").at("pid"), ::getpid()) << "who accepted stays the process";
    EXPECT_EQ(line.at("holders").at(0).at("comm"), "heir");
}

TEST_F(Holders, ofASocketThatWasPassedOn) {
    Pair pair;
    std::unique_ptr<Child> child;
    trace([&] {
        child = std::make_unique<Child>("receiver", [](const Child::Script& script) {
            const Fd received = script.await_descriptor();
            script.report_done();
            script.await_order();
        });
        pair = open();
        send_bytes(pair.client, 100); // that nobody reads
        child->pass(pair.server);
        child->await_done();
        await_readable(pair.server);
    });
    EXPECT_EQ(holders(pair.port), (std::set<pid_t>{::getpid(), child->task().pid}));
    EXPECT_EQ(server(pair.port).at("bytes").at("unread"), 100);
}

TEST_F(Holders, ofWhatNobodyHasAccepted) {
    Fd waiting = tcp_socket();
    std::uint16_t port = 0;
    trace([&] {
        connect_to(waiting, listening());
        port = local_of(waiting).port;
        waiting.reset();
        std::this_thread::sleep_for(50ms);
    });
    EXPECT_EQ(holders(port), std::set<pid_t>{});
    EXPECT_EQ(server(port).at("accept").at("accepted"), false);
}

TEST_F(Holders, areNotSaidOfWhatHasEnded) {
    std::uint16_t port = 0;
    trace([&] {
        Pair pair = open();
        port = pair.port;
        pair.client.reset();
        read_to_end(pair.server);
    });
    EXPECT_EQ(server(port).at("holders"), nullptr);
    EXPECT_EQ(server(port).at("ending"), "fin");
}

TEST_F(Holders, ageOfWhatWasThereBefore) {
    Pair established = open();
    Pair half_closed = open();
    half_closed.client.reset(); // CLOSE_WAIT here; the client's end is an orphan
    Pair shut = open();
    ::shutdown(shut.server.get(), SHUT_WR);
    std::this_thread::sleep_for(20ms);
    const auto since = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(1500ms);
    trace([] {});
    const auto passed = std::chrono::steady_clock::now() - since;
    for (const auto& [pair, state] :
         {std::pair(&established, "ESTABLISHED"), std::pair(&half_closed, "CLOSE_WAIT"),
          std::pair(&shut, "FIN_WAIT2")}) {
        const json step = server(pair->port).at("states").back();
        EXPECT_EQ(step.at("state"), state);
        EXPECT_EQ(step.at("dwell_ns"), nullptr);
        const auto age = std::chrono::nanoseconds(step.at("at_least_ns").get<std::int64_t>());
        EXPECT_GE(age, 1500ms) << state;
        EXPECT_LE(age, passed + 100ms) << state;
    }
}

} // namespace
} // namespace tcpdwell::test

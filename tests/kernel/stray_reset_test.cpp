// SPDX-License-Identifier: Apache-2.0
// RSTs in answer to segments that belong to no socket: of segments written by hand, and of a
// connection whose other end is gone without a word.
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "netns.h"
#include "packet_peer.h"
#include "report_run.h"
#include "sockets.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kLimit = 30s;
constexpr std::uint16_t kClosedPort = 5000;
constexpr std::uint16_t kPeerPort = 4000;

json endpoint(const Endpoint& e) { return {{"addr", e.addr}, {"port", e.port}}; }

class StrayResets : public testing::Test {
protected:
    void SetUp() override {
        std::string output;
        run_tcpdwell({"check", "--format", "json"}, kLimit, output);
        has_all_ = json::parse(output).at("checks").at("probes").at("stray_resets").at("ok");
        enter_new_netns();
        add_phantom_network();
    }

    /// The lines of what `act` makes, with more options for `trace`.
    static std::vector<json> traced(const std::function<void()>& act,
                                    const std::vector<std::string>& more = {}) {
        std::vector<std::string> arguments{"trace", "--format", "jsonl", "--netns",
                                           std::to_string(current_netns())};
        arguments.insert(arguments.end(), more.begin(), more.end());
        Tracer tracer(arguments);
        EXPECT_TRUE(tracer.await_first_line(kLimit)) << tracer.complaints();
        act();
        std::this_thread::sleep_for(100ms);
        EXPECT_EQ(tracer.interrupt(kLimit), 0) << tracer.complaints();
        tracer.read_more();
        return strays(tracer.lines());
    }
    /// The report on what `act` does.
    static json reported(const std::function<void()>& act) {
        ReportRun run({"--netns", std::to_string(current_netns())});
        run.await_tracing();
        act();
        std::this_thread::sleep_for(100ms);
        run.interrupt();
        return run.only_report();
    }
    static std::vector<json> strays(const std::vector<json>& lines) {
        std::vector<json> found;
        for (const json& line : lines)
            if (line.at("type") == "stray_reset") found.push_back(line);
        return found;
    }

    bool has_all_ = false; ///< those without any socket, too, and reasons (Linux 6.10)
};

#define NEEDS_ALL \
    if (!has_all_) GTEST_SKIP() << "this kernel reports no RST without a socket (Linux 6.10)"

TEST_F(StrayResets, segmentsThatBelongToNoSocketHaveALine) {
    NEEDS_ALL;
    const Endpoint closed{"10.9.0.1", kClosedPort};
    PacketPeer peer(kPeerPort);
    const auto lines = traced([&] {
        peer.send_syn(closed); // a refused connect
        peer.await(kRst);
        peer.send(kAck, 10);
        peer.await(kRst);
        peer.send(kSyn | kAck); // the answer to a SYN that nobody has sent
        peer.await(kRst);
    });
    ASSERT_EQ(lines.size(), 2U);
    for (const json& line : lines) {
        EXPECT_EQ(line.at("netns"), current_netns());
        EXPECT_EQ(line.at("local"), endpoint(closed));
        EXPECT_EQ(line.at("remote"), endpoint(peer.address()));
        EXPECT_EQ(line.at("reason"), "no_socket");
        EXPECT_EQ(line.at("process"), nullptr);
        EXPECT_EQ(line.at("left_out"), 0);
        EXPECT_TRUE(line.contains("time"));
    }
}

TEST_F(StrayResets, filtersApply) {
    NEEDS_ALL;
    PacketPeer peer(kPeerPort);
    const auto two = [&] {
        for (const std::uint16_t port : {kClosedPort, std::uint16_t(kClosedPort + 1)}) {
            peer.send_syn({"10.9.0.1", port});
            peer.await(kRst);
            peer.send(kAck);
            peer.await(kRst);
        }
    };
    EXPECT_EQ(traced(two).size(), 2U);
    const auto by_port = traced(two, {"--port", std::to_string(kClosedPort + 1)});
    ASSERT_EQ(by_port.size(), 1U);
    EXPECT_EQ(by_port.front().at("local").at("port"), kClosedPort + 1);
    EXPECT_EQ(traced(two, {"--addr", "10.9.9.0/24"}).size(), 2U);
    EXPECT_EQ(traced(two, {"--addr", "10.9.8.0/24"}).size(), 0U);
    // Who it would be isn't known.
    EXPECT_EQ(traced(two, {"--pid", std::to_string(::getpid())}).size(), 0U);
}

struct Ends {
    Endpoint gone;
    Endpoint left;
};

/// The server's end of a connection goes without a word (TCP_REPAIR), and the listener if
/// `stops_listening`; then the client's end sends and is reset.
Ends lose_one_end(Fd& listener, bool stops_listening) {
    const Fd client = tcp_socket(AF_INET6);
    connect_to(client, local_of(listener));
    Fd server = accept_from(listener);
    const Ends ends{local_of(server), local_of(client)};
    set_tcp_option(server, TCP_REPAIR, 1);
    server.reset();
    if (stops_listening) listener.reset();
    send_bytes(client, 5);
    EXPECT_EQ(read_to_end(client), ECONNRESET);
    return ends;
}

TEST_F(StrayResets, anEndThatIsGoneSilentlyAnswersWithOne) {
    for (const bool listens : {true, false}) { // who answers then: the listener, or no socket
        if (!listens && !has_all_) continue;   // that is before Linux 6.10
        Fd listener = listen_on(Address("::1", 0));
        Ends ends;
        const auto lines = traced([&] { ends = lose_one_end(listener, !listens); });
        ASSERT_EQ(lines.size(), 1U) << listens;
        EXPECT_EQ(lines.front().at("local"), endpoint(ends.gone));
        EXPECT_EQ(lines.front().at("remote"), endpoint(ends.left));
        EXPECT_EQ(lines.front().at("reason"), !has_all_ ? json(nullptr)
                                              : listens ? json("tcp_flags")
                                                        : json("no_socket"));
    }
}

TEST_F(StrayResets, oneThatEndsAConnectionOfThisHostIsFound) {
    NEEDS_ALL;
    Fd listener = listen_on(Address("::1", 0));
    const json report = reported([&] { lose_one_end(listener, true); });
    ASSERT_EQ(report.at("findings").size(), 1U) << report.at("findings").dump(1);
    const json& finding = report.at("findings").front();
    EXPECT_EQ(finding.at("id"), "stray_resets");
    EXPECT_EQ(finding.at("severity"), "warning");
    EXPECT_EQ(finding.at("evidence").at("ended"), 1);
    EXPECT_EQ(finding.at("evidence").at("process").at(0).at("pid"), ::getpid());
    EXPECT_EQ(finding.at("connections").size(), 1U);
}

TEST_F(StrayResets, ofConnectionsThatNobodyHereKnowsAreFound) {
    NEEDS_ALL;
    std::vector<PacketPeer> peers;
    for (std::uint16_t i = 0; i < 5; ++i)
        peers.emplace_back(static_cast<std::uint16_t>(kClosedPort + 1 + i));
    const json report = reported([&] {
        for (PacketPeer& peer : peers) {
            peer.send_syn({"10.9.0.1", kClosedPort}); // refused; from now on its peer
            peer.await(kRst);
            peer.send(kAck, 10);
            peer.await(kRst);
        }
    });
    ASSERT_EQ(report.at("findings").size(), 1U) << report.at("findings").dump(1);
    const json& finding = report.at("findings").front();
    EXPECT_EQ(finding.at("id"), "stray_resets");
    EXPECT_EQ(finding.at("severity"), "info");
    EXPECT_EQ(finding.at("evidence").at("count"), 5);
    EXPECT_EQ(finding.at("evidence").at("local"), "10.9.0.1:" + std::to_string(kClosedPort));
}

TEST_F(StrayResets, lateSegmentsOfConnectionsThatEndedHereAreNoFinding) {
    NEEDS_ALL;
    const Fd listener = listen_on({"10.9.0.1", kClosedPort});
    std::vector<PacketPeer> peers;
    for (std::uint16_t i = 0; i < 8; ++i)
        peers.emplace_back(static_cast<std::uint16_t>(kClosedPort + 1 + i));
    const json report = reported([&] {
        for (PacketPeer& peer : peers) {
            peer.connect_to({"10.9.0.1", kClosedPort});
            Fd server = accept_from(listener);
            peer.send_rst(); // it has ended here, too
            EXPECT_EQ(read_to_end(server), ECONNRESET);
            server.reset();
            peer.send_data(10);
            peer.await(kRst);
        }
    });
    EXPECT_FALSE(report.at("stray_resets").empty());
    for (const json& finding : report.at("findings"))
        EXPECT_NE(finding.at("id"), "stray_resets") << finding.dump(1);
}

TEST_F(StrayResets, aStormIsCountedAndFillsNothing) {
    NEEDS_ALL;
    constexpr int kSegments = 3000;
    PacketPeer peer(kPeerPort);
    const auto begin = std::chrono::steady_clock::now();
    std::chrono::nanoseconds took{};
    const auto lines = traced([&] {
        peer.send_syn({"10.9.0.1", kClosedPort});
        peer.await(kRst);
        for (int i = 0; i < kSegments; ++i) peer.send(kAck);
        took = std::chrono::steady_clock::now() - begin;
    });
    std::int64_t left_out = 0;
    for (const json& line : lines) left_out += line.at("left_out").get<std::int64_t>();
    const auto printed = static_cast<std::int64_t>(lines.size());
    EXPECT_LE(printed + left_out, kSegments);
    EXPECT_GE(printed + left_out, kSegments / 2);
    // 32 and some powers of two for each CPU and second.
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(took).count() + 1;
    EXPECT_LE(printed, 45 * ::sysconf(_SC_NPROCESSORS_ONLN) * seconds);
}

TEST_F(StrayResets, aRecordingHasThem) {
    NEEDS_ALL;
    const TemporaryFolder folder;
    const std::string file = folder.path() / "run.tdw";
    PacketPeer peer(kPeerPort);
    const auto lines = traced(
        [&] {
            peer.send_syn({"10.9.0.1", kClosedPort});
            peer.await(kRst);
            for (int i = 0; i < 3; ++i) {
                peer.send(kAck);
                peer.await(kRst);
            }
        },
        {"-w", file});
    EXPECT_EQ(lines.size(), 3U);
    std::string output;
    ASSERT_EQ(run_tcpdwell({"trace", "-q", "-r", file, "--format", "jsonl"}, kLimit, output), 0);
    std::vector<json> replayed;
    std::istringstream text(output);
    for (std::string line; std::getline(text, line);) replayed.push_back(json::parse(line));
    EXPECT_EQ(strays(replayed), lines);
    ASSERT_EQ(run_tcpdwell({"report", "-r", file, "--format", "json"}, kLimit, output), 0);
    const json report = json::parse(output.substr(0, output.find('\n')));
    const json& rows = report.at("stray_resets");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].at("count"), 3);
    EXPECT_EQ(rows[0].at("remote"), endpoint({"10.9.9.9", kPeerPort}));
    EXPECT_EQ(rows[0].at("local"), (json{{"addr", "10.9.0.1"}, {"port", nullptr}}));
}

} // namespace
} // namespace tcpdwell::test

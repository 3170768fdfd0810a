// SPDX-License-Identifier: Apache-2.0
// Real servers and clients: who closed first, and whether by a reset, as tcpdump saw it on the wire, is what the lines
// of both ends say.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "capture.h"
#include "moment.h"
#include "netns.h"
#include "program.h"
#include "tracer.h"
#include "web_servers.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);

// --- traffic ---------------------------------------------------------------------------------------------------------

std::string url(std::uint16_t port, const std::string& path, const std::string& host = "127.0.0.1") {
    return "http://" + host + ":" + std::to_string(port) + path;
}

// Their status tells nothing: some requests have to fail.
void curl(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{"curl", "--silent", "--noproxy", "*", "--output", "/dev/null"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    run(words, kPatience);
}

void make_traffic() {
    using Web = WebServers;
    for (const std::uint16_t port : {Web::kNginx, Web::kNginxOnce, Web::kProxy, Web::kProxyOnce, Web::kProxyBytes}) {
        for (const char* host : {"127.0.0.1", "[::1]"}) {
            const std::string small = url(port, "/small", host);
            curl({small});
            curl({"--http1.0", small});
            curl({"--header", "Connection: close", small});
            curl({"--max-time", "0.2", url(port, "/slow", host)});
            curl({url(port, "/dropped", host)});
            curl({url(port, "/reset", host)});
        }
        // One connection for several requests; then it idles until the server has enough of it.
        const std::string small = url(port, "/small");
        curl({small, small + "?2", "--output", "/dev/null", small + "?3", "--output", "/dev/null"});
        curl({"--rate", "40/m", small, small + "?2", "--output", "/dev/null"});
        EXPECT_EQ(run({"ab", "-q", "-n", "100", "-c", "8", small}, kPatience), 0);
        EXPECT_EQ(run({"ab", "-q", "-k", "-n", "300", "-c", "8", small}, kPatience), 0);
    }
}

// --- comparison ------------------------------------------------------------------------------------------------------

using Ends = std::tuple<std::string, std::uint16_t, std::string, std::uint16_t>;

// A port may serve twice: by order of opening.
std::map<Ends, std::vector<ConnectionLine>> by_ends(std::vector<ConnectionLine> lines) {
    std::stable_sort(lines.begin(), lines.end(),
                     [](const ConnectionLine& a, const ConnectionLine& b) { return a.opened < b.opened; });
    std::map<Ends, std::vector<ConnectionLine>> result;
    for (ConnectionLine& line : lines)
        result[{line.who.local.addr, line.who.local.port, line.who.remote.addr, line.who.remote.port}].push_back(line);
    return result;
}

std::string expected_ending(const CapturedConnection& connection, Side side) {
    if (connection.reset_by) return *connection.reset_by == side ? "reset_sent" : "reset_received";
    return connection.both_fins ? "fin" : "open";
}

// The words that are right for `side`.
std::vector<std::string> expected_closer(const CapturedConnection& connection, Side side) {
    if (!connection.first_closer) return {"none"};
    if (connection.crossed) return {"local", "both"};
    return {*connection.first_closer == side ? "local" : "remote"};
}

void expect_line(const CapturedConnection& connection, Side side, const ConnectionLine& line) {
    const std::vector<std::string> closers = expected_closer(connection, side);
    EXPECT_NE(std::find(closers.begin(), closers.end(), line.closed_first), closers.end())
        << "expected " << closers.front() << ": " << line.text;
    EXPECT_EQ(line.ending, expected_ending(connection, side)) << line.text;
    EXPECT_EQ(line.who.role, side == Side::client ? "client" : "server") << line.text;
    EXPECT_EQ(line.seen, "whole") << line.text;
}

class Capture : public ::testing::Test {
protected:
    void SetUp() override {
        for (const char* program : {"nginx", "haproxy", "curl", "ab", "tcpdump"}) {
            if (!find_program(program).empty()) continue;
            if (may_be_missing()) GTEST_SKIP() << program << " isn't installed";
            FAIL() << program << " isn't installed";
        }
        enter_new_netns();
    }
};

TEST_F(Capture, closersAndResetsAreThoseOnTheWire) {
    const TemporaryFolder folder;
    const std::string file = folder.path() / "lo.pcap";
    WebServers servers(folder.path());
    Program tcpdump(
        {"tcpdump", "-i", "lo", "-n", "-Z", "root", "--immediate-mode", "-B", "65536", "-s", "128", "-w", file, "tcp"});
    ASSERT_TRUE(tcpdump.await_saying("listening on", kPatience)) << tcpdump.said();
    Tracer tracer({"trace", "--connections", "--format", "jsonl", "--netns", std::to_string(current_netns())});
    ASSERT_TRUE(tracer.await_first_line(kPatience)) << tracer.complaints();

    make_traffic();
    pause(2s); // the servers close what has idled for a second
    EXPECT_EQ(tracer.interrupt(kPatience), 0) << tracer.complaints();
    EXPECT_EQ(tcpdump.stop(SIGINT, kPatience), 0) << tcpdump.said();
    ASSERT_NE(tcpdump.said().find("\n0 packets dropped by kernel"), std::string::npos) << tcpdump.said();
    EXPECT_EQ(servers.stop(), "");

    std::vector<ConnectionLine> lines;
    for (const nlohmann::json& line : tracer.lines())
        if (line.at("type") == "connection") lines.push_back(parse_connection(line));
    const std::vector<CapturedConnection> captured = connections_in(read_capture(file));
    EXPECT_EQ(lines.size(), 2 * captured.size());

    auto found = by_ends(lines);
    std::map<std::string, int> kinds;
    for (const CapturedConnection& connection : captured) {
        EXPECT_TRUE(connection.established);
        for (const Side side : {Side::client, Side::server}) {
            const auto& [local, remote] = side == Side::client ? std::pair(connection.client, connection.server)
                                                               : std::pair(connection.server, connection.client);
            auto& candidates = found[{local.addr, local.port, remote.addr, remote.port}];
            if (candidates.empty()) {
                ADD_FAILURE() << "no line for " << local.addr << ":" << local.port << " to " << remote.addr << ":"
                              << remote.port;
                continue;
            }
            expect_line(connection, side, candidates.front());
            candidates.erase(candidates.begin());
        }
        const bool by_server = connection.first_closer == Side::server;
        ++kinds[std::string(by_server ? "server" : "client") + (connection.reset_by ? " with reset" : "")];
    }
    for (const char* kind : {"server", "client", "server with reset", "client with reset"})
        EXPECT_GT(kinds[kind], 0) << "no connection closed first by the " << kind << ": the traffic proves too little";
    for (const auto& [kind, count] : kinds) RecordProperty(kind, count);
}

} // namespace

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Real servers and clients: who closed first, and whether by a reset, as tcpdump saw it on the
// wire, is what the lines of both ends say.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "capture.h"
#include "netns.h"
#include "support/moment.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tracer.h"
#include "web_servers.h"
#include "web_traffic.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);

// --- comparison

using Ends = std::tuple<std::string, std::uint16_t, std::string, std::uint16_t>;

// A port may serve twice: by order of opening.
std::map<Ends, std::vector<ConnectionLine>> by_ends(std::vector<ConnectionLine> lines) {
    std::stable_sort(
        lines.begin(), lines.end(),
        [](const ConnectionLine& a, const ConnectionLine& b) { return a.opened < b.opened; });
    std::map<Ends, std::vector<ConnectionLine>> result;
    for (ConnectionLine& line : lines)
        result[{line.who.local.addr, line.who.local.port, line.who.remote.addr,
                line.who.remote.port}]
            .push_back(line);
    return result;
}

// The segments between a client and a server, for messages.
std::string text_of(const std::vector<CapturedSegment>& segments,
                    const CapturedConnection& connection) {
    std::string text = "on the wire:";
    for (const auto& [time, segment] : segments) {
        const bool by_client =
            segment.source == connection.client && segment.target == connection.server;
        if (!by_client &&
            (segment.source != connection.server || segment.target != connection.client))
            continue;
        text += "\n  +" + std::to_string((time - connection.opened).count()) + " ns, " +
                (by_client ? "client:" : "server:");
        for (const auto& [flag, word] :
             {std::pair(kSyn, " SYN"), {kAck, " ACK"}, {kFin, " FIN"}, {kRst, " RST"}})
            if (segment.has(flag)) text += word;
        text += ", " + std::to_string(segment.payload) + " bytes";
    }
    return text;
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

class Capture : public WebTest {};

TEST_F(Capture, closersAndResetsAreThoseOnTheWire) {
    const TemporaryFolder folder;
    const std::string file = folder.path() / "lo.pcap";
    WebServers servers(folder.path());
    Tcpdump tcpdump(file);
    Tracer tracer({"trace", "--connections", "--format", "jsonl", "--netns",
                   std::to_string(current_netns())});
    ASSERT_TRUE(tracer.await_first_line(kPatience)) << tracer.complaints();

    make_web_traffic();
    EXPECT_EQ(tracer.interrupt(kPatience), 0) << tracer.complaints();
    ASSERT_EQ(tcpdump.stop(), "");
    EXPECT_EQ(servers.stop(), "");

    std::vector<ConnectionLine> lines;
    for (const nlohmann::json& line : tracer.lines())
        if (line.at("type") == "connection") lines.push_back(parse_connection(line));
    const std::vector<CapturedSegment> segments = read_capture(file);
    const std::vector<CapturedConnection> captured = connections_in(segments);
    EXPECT_EQ(lines.size(), 2 * captured.size());

    auto found = by_ends(lines);
    std::map<std::string, int> kinds;
    for (const CapturedConnection& connection : captured) {
        const bool failed_before = HasFailure();
        EXPECT_TRUE(connection.established);
        for (const Side side : {Side::client, Side::server}) {
            const auto& [local, remote] = side == Side::client
                                              ? std::pair(connection.client, connection.server)
                                              : std::pair(connection.server, connection.client);
            auto& candidates = found[{local.addr, local.port, remote.addr, remote.port}];
            if (candidates.empty()) {
                ADD_FAILURE() << "no line for " << local.addr << ":" << local.port << " to "
                              << remote.addr << ":" << remote.port;
                continue;
            }
            expect_line(connection, side, candidates.front());
            candidates.erase(candidates.begin());
        }
        if (HasFailure() && !failed_before) ADD_FAILURE() << text_of(segments, connection);
        const bool by_server = connection.first_closer == Side::server;
        ++kinds[std::string(by_server ? "server" : "client") +
                (connection.reset_by ? " with reset" : "")];
    }
    for (const char* kind : {"server", "client", "server with reset", "client with reset"})
        EXPECT_GT(kinds[kind], 0) << "no connection closed first by the " << kind
                                  << ": the traffic proves too little";
    for (const auto& [kind, count] : kinds) RecordProperty(kind, count);
}

} // namespace

} // namespace tcpdwell::test

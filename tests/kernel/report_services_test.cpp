// SPDX-License-Identifier: Apache-2.0
// The services of a report, and its sums, against what tcpdump saw of real servers on the wire, and
// against the lines of another tracer that watched the same traffic.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "capture.h"
#include "netns.h"
#include "report_run.h"
#include "support/moment.h"
#include "support/temporary_folder.h"
#include "tracer.h"
#include "web_servers.h"
#include "web_traffic.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
using nlohmann::json;

// --- what is compared

/// Counts of a group of connections by the words for who closed first, and for the ending.
struct EndCounts {
    int connections = 0;
    std::map<std::string, int> closed_first;
    std::map<std::string, int> endings;

    bool operator==(const EndCounts&) const = default;
    void add(const EndCounts& other) {
        connections += other.connections;
        for (const auto& [word, count] : other.closed_first) closed_first[word] += count;
        for (const auto& [word, count] : other.endings) endings[word] += count;
    }
    [[nodiscard]] int closed(const std::string& word) const {
        const auto entry = closed_first.find(word);
        return entry == closed_first.end() ? 0 : entry->second;
    }
};

std::ostream& operator<<(std::ostream& out, const EndCounts& tally) {
    return out << tally.connections << " connections, closed first: " << json(tally.closed_first)
               << ", endings: " << json(tally.endings);
}

int sum(const std::map<std::string, int>& counts) {
    return std::accumulate(counts.begin(), counts.end(), 0,
                           [](int sum, const auto& entry) { return sum + entry.second; });
}

// A row of the tables of services or remotes.
EndCounts tally_of(const json& row) {
    EndCounts tally{.connections = row.at("connections"), .closed_first = {}, .endings = {}};
    for (const char* word : {"local", "remote", "both", "none", "unknown"})
        if (const int count = row.at("closed_first").at(word); count > 0)
            tally.closed_first[word] = count;
    for (const auto& [word, count] : row.at("endings").items()) tally.endings[word] = count;
    return tally;
}

/// Who: role, the endpoint that is served or "", the process's name. Processes of one name are
/// taken together.
using Group = std::tuple<std::string, std::string, std::string>;

std::string text(const Endpoint& endpoint) {
    return endpoint.addr + " " + std::to_string(endpoint.port);
}

std::string endpoint_text(const json& endpoint) {
    return endpoint.at("addr").is_null() ? "" : text({endpoint.at("addr"), endpoint.at("port")});
}

std::string comm_of(const json& row) {
    return row.at("process").is_null() ? "" : row.at("process").at("comm");
}

std::map<Group, EndCounts> groups_of(const json& report) {
    std::map<Group, EndCounts> groups;
    for (const json& row : report.at("services"))
        groups[{row.at("role"), endpoint_text(row.at("local")), comm_of(row)}].add(tally_of(row));
    return groups;
}

std::map<Group, EndCounts> groups_of(const std::vector<ConnectionLine>& lines) {
    std::map<Group, EndCounts> groups;
    for (const ConnectionLine& line : lines) {
        const std::string served = line.who.role == "server" ? text(line.who.local) : "";
        EndCounts& tally =
            groups[{line.who.role, served, line.who.process ? line.who.process->comm : ""}];
        tally.add({.connections = 1,
                   .closed_first = {{line.closed_first, 1}},
                   .endings = {{line.ending, 1}}});
    }
    return groups;
}

/// What the capture says of one server endpoint, or of all clients.
struct Wire {
    int connections = 0;
    std::map<Side, int> first; ///< closed first, and nobody can have another opinion
    int crossed = 0;
    std::map<Side, std::vector<nanoseconds>>
        time_waits; ///< since when; of those in `first` without a reset
    std::vector<nanoseconds> crossed_time_waits; ///< these may be on either side, or on both
    /// These ended when a connect() to the same endpoint took the port again (tcp_tw_reuse is 2: on
    /// loopback, after a second).
    std::vector<nanoseconds> taken_over;
};

Side other(Side side) { return side == Side::client ? Side::server : Side::client; }

void add(Wire& wire, const CapturedConnection& connection, bool is_last_of_its_ports) {
    ++wire.connections;
    if (!connection.first_closer) return;
    if (connection.crossed)
        ++wire.crossed;
    else
        ++wire.first[*connection.first_closer];
    if (!connection.both_fins || connection.reset_by) return;
    if (!is_last_of_its_ports)
        wire.taken_over.push_back(connection.second_fin);
    else if (connection.crossed)
        wire.crossed_time_waits.push_back(connection.second_fin);
    else
        wire.time_waits[*connection.first_closer].push_back(connection.second_fin);
}

// --- comparison

void expect_between(int value, int least, int extra, const std::string& what) {
    EXPECT_GE(value, least) << what;
    EXPECT_LE(value, least + extra) << what;
}

void expect_as_on_the_wire(const EndCounts& tally, const Wire& wire, Side side,
                           const std::string& whose) {
    EXPECT_EQ(tally.connections, wire.connections) << whose;
    const auto count = [&](Side first) {
        const auto entry = wire.first.find(first);
        return entry == wire.first.end() ? 0 : entry->second;
    };
    expect_between(tally.closed("local"), count(side), wire.crossed, whose + ": closed first");
    expect_between(tally.closed("remote"), count(other(side)), wire.crossed,
                   whose + ": closed second");
    expect_between(tally.closed("both"), 0, wire.crossed, whose + ": crossed");
    EXPECT_EQ(tally.closed("unknown"), 0) << whose;
}

// TIME_WAITs that are there at `end`, and how long they have lasted together.
void expect_time_waits(int now, double socket_seconds, const Wire& wire, Side side, nanoseconds end,
                       const std::string& whose) {
    const auto entry = wire.time_waits.find(side);
    const std::vector<nanoseconds> certain =
        entry == wire.time_waits.end() ? std::vector<nanoseconds>{} : entry->second;
    const auto seconds = [end](const std::vector<nanoseconds>& begins) {
        return std::accumulate(begins.begin(), begins.end(), 0.0,
                               [end](double sum, nanoseconds begin) {
                                   return sum + std::chrono::duration<double>(end - begin).count();
                               });
    };
    expect_between(now, static_cast<int>(certain.size()),
                   static_cast<int>(wire.crossed_time_waits.size()), whose + ": in TIME_WAIT now");
    // Softirqs of a busy machine, and the step from the last transition to the end of the report.
    const double tolerance = 0.1 * now + 0.01;
    EXPECT_GE(socket_seconds, seconds(certain) - tolerance) << whose;
    EXPECT_LE(socket_seconds, seconds(certain) + seconds(wire.crossed_time_waits) +
                                  seconds(wire.taken_over) + tolerance)
        << whose;
}

void expect_sorted(const json& rows, const char* closer) {
    EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end(), [closer](const json& a, const json& b) {
        return a.at("closed_first").at(closer) > b.at("closed_first").at(closer);
    })) << rows.dump();
}

void expect_sums(const json& report, std::size_t captured) {
    const json& quality = report.at("quality");
    EXPECT_EQ(quality.at("lost"), 0);
    EXPECT_EQ(quality.at("connections"), 2 * captured);
    EXPECT_EQ(quality.at("whole"), 2 * captured);
    EXPECT_EQ(quality.at("ended").get<int>() + quality.at("open").get<int>(),
              quality.at("connections").get<int>());
    for (const char* nothing :
         {"joined", "gap", "unexpected_edges", "evicted", "malformed", "unknown_records"})
        EXPECT_EQ(quality.at(nothing), 0) << nothing;
    EndCounts all;
    for (const json& row : report.at("services")) {
        const EndCounts tally = tally_of(row);
        EXPECT_EQ(sum(tally.closed_first), tally.connections) << row.dump();
        EXPECT_EQ(sum(tally.endings), tally.connections) << row.dump();
        all.add(tally);
    }
    EXPECT_EQ(all.connections, quality.at("connections"));
    std::uint64_t transitions = 0;
    for (const json& edge : report.at("transitions")) {
        transitions += edge.at("count").get<std::uint64_t>();
        EXPECT_NE(edge.at("kind"), "unexpected") << edge.dump();
    }
    EXPECT_EQ(transitions, quality.at("transitions"));
}

void expect_processes(const json& report, std::uint32_t netns) {
    const std::map<std::uint16_t, std::string> servers{{WebServers::kNginx, "nginx"},
                                                       {WebServers::kNginxOnce, "nginx"},
                                                       {WebServers::kProxy, "haproxy"},
                                                       {WebServers::kProxyOnce, "haproxy"},
                                                       {WebServers::kProxyBytes, "haproxy"}};
    std::set<std::uint16_t> served;
    std::set<std::string> programs;
    for (const json& row : report.at("services")) {
        EXPECT_EQ(row.at("netns"), netns) << row.dump();
        if (row.at("role") == "server") {
            const std::uint16_t port = row.at("local").at("port");
            served.insert(port);
            EXPECT_EQ(comm_of(row), servers.at(port)) << row.dump();
        } else {
            EXPECT_EQ(row.at("role"), "client") << row.dump();
            EXPECT_TRUE(row.at("local").at("port").is_null()) << row.dump();
            programs.insert(comm_of(row));
        }
    }
    EXPECT_EQ(served.size(), servers.size());
    EXPECT_EQ(programs, (std::set<std::string>{"ab", "curl", "haproxy"}));
}

// --- the test

class ReportServices : public WebTest {
protected:
    // Fills report_, lines_ and captured_.
    void watch_traffic() {
        const TemporaryFolder folder;
        const std::string file = folder.path() / "lo.pcap";
        const std::string netns = std::to_string(current_netns());
        WebServers servers(folder.path());
        Tcpdump tcpdump(file);
        Tracer tracer({"trace", "--connections", "--format", "jsonl", "--netns", netns});
        ReportRun run({"--netns", netns});
        ASSERT_TRUE(tracer.await_first_line(kPatience)) << tracer.complaints();
        run.await_tracing();

        make_web_traffic();
        run.interrupt();
        EXPECT_EQ(tracer.interrupt(kPatience), 0) << tracer.complaints();
        report_ = run.only_report();
        ASSERT_EQ(tcpdump.stop(), "");
        EXPECT_EQ(servers.stop(), "");
        for (const json& line : tracer.lines())
            if (line.at("type") == "connection") lines_.push_back(parse_connection(line));
        captured_ = connections_in(read_capture(file));
    }

    json report_;
    std::vector<ConnectionLine> lines_;
    std::vector<CapturedConnection> captured_;
};

TEST_F(ReportServices, addUpToWhatIsOnTheWire) {
    watch_traffic();
    ASSERT_FALSE(HasFatalFailure());
    expect_sums(report_, captured_.size());
    expect_processes(report_, current_netns());
    expect_sorted(report_.at("services"), "local");
    expect_sorted(report_.at("remotes"), "remote");

    // The other tracer counts the same.
    const std::map<Group, EndCounts> counted = groups_of(lines_);
    const std::map<Group, EndCounts> reported = groups_of(report_);
    EXPECT_EQ(counted.size(), reported.size());
    for (const auto& [group, tally] : counted) {
        const auto& [role, served, comm] = group;
        const auto entry = reported.find(group);
        if (entry == reported.end())
            ADD_FAILURE() << "no row for " << role << " " << served << " " << comm;
        else
            EXPECT_EQ(entry->second, tally) << role << " " << served << " " << comm;
    }

    std::map<std::string, Wire> endpoints;
    Wire clients;
    std::map<std::pair<std::string, std::string>, const CapturedConnection*> last;
    for (const CapturedConnection& connection : captured_)
        last[{text(connection.client), text(connection.server)}] = &connection;
    for (const CapturedConnection& connection : captured_) {
        const bool is_last =
            last.at({text(connection.client), text(connection.server)}) == &connection;
        add(endpoints[text(connection.server)], connection, is_last);
        add(clients, connection, is_last);
    }
    if (last.size() != captured_.size())
        std::cerr << captured_.size() - last.size() << " connections from a port in TIME_WAIT\n";
    const nanoseconds end = parse_time(report_.at("meta").at("end"));
    const auto compare = [&](const char* table, Side side) {
        std::map<std::string, EndCounts> tallies;
        std::map<std::string, std::pair<int, double>> time_waits;
        for (const json& row : report_.at(table)) {
            if (table == std::string("services") && row.at("role") != "server") continue;
            const std::string endpoint =
                endpoint_text(row.at(side == Side::server ? "local" : "remote"));
            tallies[endpoint].add(tally_of(row));
            time_waits[endpoint].first += row.at("time_wait").at("now").get<int>();
            time_waits[endpoint].second += row.at("time_wait").at("socket_seconds").get<double>();
            EXPECT_GE(row.at("time_wait").at("peak"), row.at("time_wait").at("now")) << row.dump();
        }
        EXPECT_EQ(tallies.size(), endpoints.size()) << table;
        for (const auto& [endpoint, wire] : endpoints) {
            const std::string whose = std::string(table) + " " + endpoint;
            expect_as_on_the_wire(tallies[endpoint], wire, side, whose);
            const auto& [now, seconds] = time_waits[endpoint];
            expect_time_waits(now, seconds, wire, side, end, whose);
        }
    };
    compare("services", Side::server);
    compare("remotes", Side::client);
    EndCounts programs;
    for (const auto& [group, tally] : reported)
        if (std::get<0>(group) == "client") programs.add(tally);
    expect_as_on_the_wire(programs, clients, Side::client, "clients");

    for (const Side side : {Side::client, Side::server})
        EXPECT_GT(clients.first[side], 100) << "the traffic proves too little";
}

} // namespace

} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// Reports on several hosts: the bytes, the keys of the JSON, and what the two recordings were made
// to report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "expected_file.h"
#include "json_keys.h"
#include "pretty_json.h"
#include "two_hosts.h"

namespace tcpdwell::test {
namespace {

/// What `tcpdwell report -r client.tdw server.tdw` prints, with these options.
std::string report_of_two_hosts(const std::string& options) {
    std::string folder =
        (std::filesystem::temp_directory_path() / "tcpdwell-hosts-XXXXXX").string();
    if (!::mkdtemp(folder.data())) throw std::runtime_error("no temporary folder");
    TwoHosts().record(folder);
    const std::string command =
        "cd " + folder +
        " && LC_ALL=C TZ=UTC " TCPDWELL_BINARY " report -q -r client.tdw server.tdw " + options;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (!pipe) throw std::runtime_error("no shell");
    std::string out;
    std::array<char, 4096> some{};
    while (const std::size_t n = std::fread(some.data(), 1, some.size(), pipe))
        out.append(some.data(), n);
    const int status = ::pclose(pipe);
    std::filesystem::remove_all(folder);
    if (status != 0) throw std::runtime_error("tcpdwell failed: " + command);
    return out;
}

const Json& report() {
    static const Json json = Json::parse(report_of_two_hosts("-f json"));
    return json;
}

TEST(HostsReport, is_what_it_was) {
    expect_golden("hosts.txt", report_of_two_hosts("--rows 4"));
    Json json = report();
    // Of the hosts only who they are: their reports are those of one host, which have files of
    // their own.
    for (Json& host : json["hosts"]) {
        const Json meta = host["meta"];
        host = {{"meta",
                 {{"source", meta["source"]}, {"host", meta["host"]}, {"begin", meta["begin"]}}},
                {"connections", host["quality"]["connections"]}};
    }
    const Json sections = {{"both_ends", json["both_ends"]["sections"]},
                           {"sections", json["sections"]}};
    expect_golden("hosts_sections.json", pretty(sections));
    json["both_ends"].erase("sections");
    json.erase("sections");
    expect_golden("hosts.json", pretty(json));
}

TEST(HostsSchema, a_report_for_each_host_and_one_on_both_ends) {
    EXPECT_EQ(keys(report()), (Keys{"hosts", "both_ends", "sections"}));
    ASSERT_EQ(report()["hosts"].size(), 2u);
    EXPECT_EQ(report()["hosts"][0]["meta"]["host"], "client-1");
    EXPECT_EQ(report()["hosts"][0]["meta"]["source"], "client.tdw");
    EXPECT_EQ(report()["hosts"][1]["meta"]["host"], "server-1");
    EXPECT_EQ(keys(report()["both_ends"]),
              (Keys{"summary", "hosts", "pairs", "servers", "disagreements", "sections"}));
}

TEST(HostsSchema, both_ends) {
    const Json& both = report()["both_ends"];
    EXPECT_EQ(keys(both["summary"]), (Keys{"joined", "agree", "crossed", "not_told", "disagree",
                                           "left_out", "servers_left_out", "tolerance_ns"}));
    EXPECT_EQ(both["summary"]["joined"], 20);
    EXPECT_EQ(both["summary"]["agree"], 19);
    EXPECT_EQ(both["summary"]["disagree"], 1);

    ASSERT_EQ(both["hosts"].size(), 2u);
    EXPECT_EQ(keys(both["hosts"][0]), (Keys{"host", "begin", "end", "ends", "left_out"}));

    ASSERT_EQ(both["pairs"].size(), 1u);
    const Json& pair = both["pairs"][0];
    EXPECT_EQ(keys(pair),
              (Keys{"client_host", "server_host", "joined", "clock_difference_ns", "only_client",
                    "only_client_outside", "only_server", "only_server_outside"}));
    EXPECT_EQ(pair["client_host"], "client-1");
    EXPECT_EQ(pair["only_client"], 3);
    EXPECT_EQ(pair["only_server"], 2);
    EXPECT_EQ(pair["only_server_outside"], 0);
    const std::int64_t beyond =
        pair["clock_difference_ns"].get<std::int64_t>() - kServerIsAhead.count();
    EXPECT_GT(beyond, 0); // half a round trip
    EXPECT_LT(beyond, 10'000'000);

    for (const Json& row : both["servers"]) {
        EXPECT_EQ(keys(row),
                  (Keys{"client_host", "server_host", "server", "connections", "closed_first",
                        "crossed", "not_told", "disagree", "client_established_p50_ns",
                        "server_established_p50_ns", "time_wait"}));
        EXPECT_EQ(keys(row["closed_first"]), (Keys{"client", "server", "both", "none"}));
        EXPECT_EQ(keys(row["time_wait"]), (Keys{"client", "server", "both", "neither"}));
    }
    const Json& web = both["servers"][1]; // the one that is disagreed on comes first
    EXPECT_EQ(web["server"]["port"], 80);
    EXPECT_EQ(web["closed_first"], (Json{{"client", 12}, {"server", 5}, {"both", 0}, {"none", 0}}));
    EXPECT_EQ(web["time_wait"], (Json{{"client", 12}, {"server", 5}, {"both", 0}, {"neither", 0}}));

    ASSERT_EQ(both["disagreements"].size(), 1u);
    const Json& example = both["disagreements"][0];
    EXPECT_EQ(example["client"]["port"], 42'000);
    EXPECT_EQ(example["server"]["port"], 443);
    EXPECT_EQ(example["client_says"], "server");
    EXPECT_EQ(example["server_says"], "client");
    EXPECT_EQ(example["client_states"][1]["state"], "ESTABLISHED");
}

TEST(HostsSchema, a_filter_that_one_end_passes_is_enough) {
    const Json json = Json::parse(report_of_two_hosts("-f json --role server"));
    EXPECT_EQ(json["both_ends"]["summary"]["joined"], 20);
    EXPECT_EQ(json["both_ends"]["pairs"][0]["only_client"], 0);
    const Json web = Json::parse(report_of_two_hosts("-f json --port 80"));
    EXPECT_EQ(web["both_ends"]["summary"]["joined"], 17);
}

TEST(HostsSchema, of_a_sample_each_connection_counts_so_many_times) {
    const Json json = Json::parse(report_of_two_hosts("-f json --sample 2"));
    const Json& summary = json["both_ends"]["summary"];
    EXPECT_EQ(summary["sample"], 2);
    const auto joined = summary["joined"].get<int>();
    EXPECT_EQ(joined % 2, 0);
    EXPECT_GT(joined, 0);
    EXPECT_LE(joined, 2 * 20);
    EXPECT_EQ(summary["agree"].get<int>() + summary["disagree"].get<int>(), joined);
    int connections = 0;
    int time_waits = 0;
    for (const Json& row : json["both_ends"]["servers"]) {
        connections += row["connections"].get<int>();
        for (const Json& count : row["time_wait"]) time_waits += count.get<int>();
    }
    EXPECT_EQ(connections, joined);
    EXPECT_EQ(time_waits, joined);
    EXPECT_EQ(json["both_ends"]["pairs"][0]["joined"], joined);
    for (const Json& host : json["hosts"])
        EXPECT_EQ(host["quality"]["connections"], 2 * host["quality"]["traced"].get<int>());
    EXPECT_THAT(report_of_two_hosts("--sample 2"), testing::HasSubstr("A SAMPLE"));
}

} // namespace
} // namespace tcpdwell::test

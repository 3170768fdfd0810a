// SPDX-License-Identifier: Apache-2.0
// Numbers of processes in a pid namespace: those of its /proc, whether they were found there or by
// a BPF program.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "sockets.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using nlohmann::json;

constexpr auto kLimit = std::chrono::seconds(60);

/// What tcpdwell printed that ran in a pid namespace of its own, with a client that was there
/// before tracing began (`known`, found in /proc) and one that came later (`seen`); the server of
/// both is outside.
struct Observation {
    std::vector<json> lines;
    std::string known_pid;
    std::string seen_pid;
};

Observation observe() {
    const TemporaryFolder temporary;
    const std::string folder = temporary.path().string();
    const Fd listener = listen_on(Address("127.0.0.1", 0));
    const std::string port = std::to_string(local_of(listener).port);
    const std::string open = "exec 3<>/dev/tcp/127.0.0.1/" + port + "; ";
    std::string words;
    for (const std::string& word : tcpdwell_command(
             {"trace", "-c", "--idle", "--format", "jsonl", "--port", port, "--all", "--"}))
        words += "'" + word + "' ";
    // Both clients write down the number that they have in the namespace.
    const std::string script =
        "bash -c 'echo $$ >" + folder + "/known; " + open + "sleep 20' & known=$!; " +
        "while ! [ -s " + folder + "/known ]; do sleep 0.1; done; sleep 0.5; " + words +
        "bash -c 'echo $$ >" + folder + "/seen; " + open + "exec 3>&-'; kill $known";
    Program program({"unshare", "--pid", "--fork", "--mount-proc", "bash", "-c", script});
    EXPECT_EQ(program.wait(kLimit), 0) << program.said();

    Observation seen;
    std::istringstream printed(program.printed());
    for (std::string line; std::getline(printed, line);) seen.lines.push_back(json::parse(line));
    std::ifstream(folder + "/known") >> seen.known_pid;
    std::ifstream(folder + "/seen") >> seen.seen_pid;
    return seen;
}

TEST(PidNamespace, numbersAreThoseOfItsOwnProc) {
    const Observation seen = observe();
    std::vector<std::string> clients;
    int servers = 0;
    for (const json& line : seen.lines) {
        if (line.at("type") == "meta") {
            ASSERT_TRUE(line.contains("pid_namespace")) << line;
        }
        if (line.at("type") != "connection") continue;
        if (line.at("role") == "server") {
            ++servers;
            // We, who listen, have no number there.
            if (!line.at("process").is_null()) {
                EXPECT_TRUE(line.at("process").at("pid").is_null()) << line;
            }
            continue;
        }
        ASSERT_FALSE(line.at("process").is_null()) << line;
        clients.push_back(line.at("process").at("pid").dump());
        if (!line.at("closed_by").is_null() && !line.at("process").is_null()) {
            EXPECT_EQ(line.at("closed_by").at("pid"), line.at("process").at("pid")) << line;
        }
    }
    EXPECT_EQ(servers, 2);
    std::ranges::sort(clients);
    std::vector<std::string> expected{seen.known_pid, seen.seen_pid};
    std::ranges::sort(expected);
    EXPECT_EQ(clients, expected);
}

} // namespace
} // namespace tcpdwell::test

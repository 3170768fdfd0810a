// SPDX-License-Identifier: Apache-2.0
// `-- CMD` shows the connections of that command and of what it starts, and no others.
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "netns.h"
#include "sockets.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

constexpr auto kLimit = 60s;
constexpr std::uint16_t kPort = 7711;

/// What takes connections, and makes others besides those of the command.
class Command : public ::testing::Test {
protected:
    void SetUp() override {
        enter_new_netns();
        listener_ = listen_on({"127.0.0.1", kPort});
        server_ = std::thread([this] { serve(); });
        others_ = std::thread([this] {
            while (!is_over_) connect_once();
        });
    }
    void TearDown() override {
        is_over_ = true;
        others_.join();
        connect_once(); // the last one that the server waits for
        server_.join();
    }

    /// The lines of `trace WORDS`, without those that are about the run.
    static std::vector<nlohmann::json> traced(const Words& words) {
        Words all{"trace", "-f", "jsonl"};
        all.insert(all.end(), words.begin(), words.end());
        Program program(tcpdwell_command(all));
        EXPECT_EQ(program.wait(kLimit), 0) << program.said();
        std::vector<nlohmann::json> lines;
        const std::string printed = program.printed();
        for (std::size_t begin = 0; begin < printed.size();) {
            const std::size_t end = printed.find('\n', begin);
            nlohmann::json line = nlohmann::json::parse(printed.substr(begin, end - begin));
            if (line["type"] == "transition" || line["type"] == "connection")
                lines.push_back(std::move(line));
            begin = end + 1;
        }
        return lines;
    }

    static std::set<std::string> names_in(const std::vector<nlohmann::json>& lines) {
        std::set<std::string> names;
        for (const nlohmann::json& line : lines)
            names.insert(line["process"].is_null() ? "-" : line["process"]["comm"]);
        return names;
    }

private:
    void serve() {
        while (!is_over_) {
            const Fd connection = accept_from(listener_);
            while (read_to_end(connection) != 0) {}
        }
    }
    static void connect_once() {
        const Fd socket = tcp_socket();
        connect_to(socket, {"127.0.0.1", kPort});
        std::this_thread::sleep_for(2ms);
    }

    Fd listener_;
    std::atomic<bool> is_over_ = false;
    std::thread server_;
    std::thread others_;
};

/// Opens a connection, and closes it.
std::string connecting() { return "exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(kPort); }

TEST_F(Command, itsOwnConnections) {
    const auto lines = traced({"--", "bash", "-c", connecting() + "; exec 3>&-; sleep 0.2"});
    EXPECT_EQ(names_in(lines), std::set<std::string>{"bash"});
    std::set<std::string> connections;
    for (const auto& line : lines) connections.insert(line["conn"]);
    EXPECT_EQ(connections.size(), 1U);
}

TEST_F(Command, thoseOfItsChildrenWhoeverTheirParentIsNow) {
    const std::string child = "cp /bin/bash ./grandchild; (setsid ./grandchild -c 'sleep 0.3; " +
                              connecting() + "' &) ; sleep 1";
    const TemporaryFolder folder;
    const auto lines = traced({"--", "sh", "-c", "cd " + folder.path().string() + "; " + child});
    EXPECT_EQ(names_in(lines), std::set<std::string>{"grandchild"});
}

TEST_F(Command, allOfTheHostIfThatIsWanted) {
    const std::string me = program_invocation_short_name;
    const auto lines = traced({"--all", "--netns", std::to_string(current_netns()), "--", "bash",
                               "-c", connecting() + "; sleep 0.3"});
    const auto names = names_in(lines);
    EXPECT_TRUE(names.contains("bash"));
    EXPECT_TRUE(names.contains(me.substr(0, 15))) << me;
}

/// What is recorded meanwhile shows the same; and `record` keeps everything.
TEST_F(Command, aRecordingShowsTheSame) {
    const TemporaryFolder folder;
    const std::string file = folder.path() / "run.tdw";
    const Words command{"bash", "-c", "(" + connecting() + "); sleep 0.3"};
    Words live{"-c", "-w", file, "--"};
    live.insert(live.end(), command.begin(), command.end());
    const auto lines = traced(live);
    EXPECT_EQ(lines.size(), 1U);
    EXPECT_EQ(traced({"-c", "-r", file}), lines);

    const std::string whole = folder.path() / "whole.tdw";
    Words record{"record", "-o", whole, "--"};
    record.insert(record.end(), command.begin(), command.end());
    std::string output;
    EXPECT_EQ(run_tcpdwell(record, kLimit, output), 0) << output;
    EXPECT_GT(traced({"-c", "-r", whole}).size(), 1U);
}

} // namespace
} // namespace tcpdwell::test

// SPDX-License-Identifier: Apache-2.0
// A recording tells what the live run told: byte for byte, but for the name of the source. And it outlives its writer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <regex>
#include <thread>

#include "lines.h"
#include "moment.h"
#include "netns.h"
#include "program.h"
#include "random_traffic.h"
#include "sockets.h"
#include "tracer.h"
#include "web_servers.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;
constexpr int kActs = 400;

std::string netns() { return std::to_string(current_netns()); }

/// Starts tcpdwell, waits until it traces, acts, and stops it; what it has printed.
std::string traced(std::vector<std::string> words, const std::function<void()>& act, int signal = SIGINT,
                   int status = 0) {
    words.insert(words.begin(), tcpdwell_path());
    Program program(words);
    EXPECT_TRUE(program.await_saying("tracing", kPatience)) << program.said();
    pause(1s); // what is there already is read
    act();
    pause(1500ms);
    EXPECT_EQ(program.stop(signal, kPatience), status) << program.said();
    return program.printed();
}

struct Replay {
    std::string printed;
    std::string said;
};

Replay replayed(std::vector<std::string> words, int status = 0) {
    words.insert(words.begin(), tcpdwell_path());
    Program program(words);
    EXPECT_EQ(program.wait(kPatience), status) << program.said();
    return {program.printed(), program.said()};
}

/// Without the name of the source: "source":"..." in JSON, the first line of a text.
std::string without_source(const std::string& text) {
    if (!text.starts_with("{")) return text.substr(text.find('\n') + 1);
    return std::regex_replace(text, std::regex("\"source\":\"[^\"]*\""), "");
}

class Recording : public testing::Test {
protected:
    const TemporaryFolder folder;
    const std::string file = folder.path() / "run.tdw";

    static void SetUpTestSuite() {
        enter_new_netns();
        add_phantom_network();
    }
    static void random_acts() { RandomTraffic(7).act(kActs); }
};

TEST_F(Recording, reportsAreTheSame) {
    for (const std::vector<std::string>& form :
         std::vector<std::vector<std::string>>{{"report", "--format", "json"},
                                               {"report", "--by", "service"},
                                               {"report", "-i", "1s", "--format", "json"}}) {
        std::vector<std::string> live = form;
        for (const std::string& word : {std::string("--netns"), netns(), std::string("-w"), file}) live.push_back(word);
        std::vector<std::string> again = form;
        for (const std::string& word : {std::string("--netns"), netns(), std::string("-r"), file})
            again.push_back(word);
        const std::string told = without_source(traced(live, random_acts));
        EXPECT_EQ(told, without_source(replayed(again).printed)) << form.back();
        EXPECT_GT(told.size(), 1000U);
    }
}

TEST_F(Recording, linesAreTheSame) {
    for (const char* what : {"--connections", "--idle"}) {
        std::vector<std::string> words{"trace", "--connections", "--format", "jsonl"};
        if (what != words[1]) words.emplace_back(what);
        std::vector<std::string> live = words;
        for (const std::string& word : {std::string("--netns"), netns(), std::string("-w"), file}) live.push_back(word);
        for (const std::string& word : {std::string("-r"), file}) words.push_back(word);
        const std::string told = traced(live, random_acts);
        EXPECT_EQ(told, replayed(words).printed) << what;
    }
    const std::string told = traced({"trace", "--netns", netns(), "-w", file}, random_acts);
    EXPECT_EQ(told, replayed({"trace", "-r", file}).printed);
}

TEST_F(Recording, killedItIsReadUpToTheLastSecond) {
    traced({"record", "--netns", netns(), "-o", file}, random_acts, SIGKILL, -1);
    const Replay replay = replayed({"trace", "-c", "-f", "jsonl", "-r", file});
    EXPECT_NE(replay.said.find("has no end"), std::string::npos) << replay.said;
    EXPECT_EQ(replay.said.find("damaged"), std::string::npos) << replay.said;
    EXPECT_GT(std::count(replay.printed.begin(), replay.printed.end(), '\n'), kActs / 10);
}

TEST_F(Recording, overAFifo) {
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    std::string read;
    std::thread reader([&] { read = replayed({"trace", "-c", "-f", "jsonl", "-r", file}).printed; });
    traced({"record", "--netns", netns(), "-o", file}, random_acts);
    reader.join();
    EXPECT_GT(std::count(read.begin(), read.end(), '\n'), kActs / 10);
}

TEST_F(Recording, theStatusIsTheCommands) {
    EXPECT_EQ(replayed({"record", "-o", file, "--", "sh", "-c", "exit 7"}, 7).printed, "");
    EXPECT_NE(replayed({"report", "-r", file}).printed.find("tcpdwell report: " + file), std::string::npos);
}

TEST_F(Recording, itIsNobodyElses) {
    replayed({"record", "-o", file, "--", "true"});
    EXPECT_EQ(std::filesystem::status(file).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(Recording, whatCantBeWrittenIsSaidBeforeTracing) {
    EXPECT_NE(
        replayed({"record", "-o", "/proc/nothing/here", "--", "true"}, 1).said.find("cannot write /proc/nothing/here"),
        std::string::npos);
    const Replay full = replayed({"record", "-o", "/dev/full", "--", "true"}, 1);
    EXPECT_NE(full.said.find("No space left on device"), std::string::npos) << full.said;
}

TEST_F(Recording, readingNeedsNoRights) {
    replayed({"record", "-o", file, "--", "true"});
    std::filesystem::permissions(file, std::filesystem::perms::all);
    std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
    const Fd binary(::open(tcpdwell_path().c_str(), O_RDONLY | O_CLOEXEC)); // its folder may be closed to others
    Program::Setting setting;
    setting.executable = binary.get();
    setting.before_exec = [] { check(::setuid(65534), "setuid"); };
    Program program({"tcpdwell", "report", "-r", file}, setting);
    EXPECT_EQ(program.wait(kPatience), 0) << program.said();
}

} // namespace
} // namespace tcpdwell::test

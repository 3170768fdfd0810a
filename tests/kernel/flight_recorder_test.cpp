// SPDX-License-Identifier: Apache-2.0
// A recorder that always holds the latest: what it holds can be read, whole or in parts, and saved
// when it matters.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "netns.h"
#include "random_traffic.h"
#include "sockets.h"
#include "support/moment.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kPatience = 30s;

class FlightRecorder : public testing::Test {
protected:
    static void SetUpTestSuite() {
        enter_new_netns();
        add_phantom_network();
        allow_many_descriptors();
    }

    Program started(std::vector<std::string> words) {
        words.insert(words.begin(), {tcpdwell_path(), "record", "--netns",
                                     std::to_string(current_netns()), "-o", held});
        Program program(words);
        EXPECT_TRUE(program.await_saying("tracing", kPatience)) << program.said();
        return program;
    }
    static std::string reported(std::vector<std::string> words, int status = 0) {
        words.insert(words.begin(), tcpdwell_path());
        Program program(words);
        EXPECT_EQ(program.wait(kPatience), status) << program.said();
        return program.printed();
    }
    static json report_of(const std::string& path) {
        return json::parse(reported({"report", "-f", "json", "-r", path}));
    }
    /// The segments in a folder, the oldest first.
    static std::vector<std::string> segments(const fs::path& path) {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator(path))
            if (entry.path().extension() == ".tdw") names.insert(entry.path());
        return {names.begin(), names.end()};
    }
    std::string saved(const std::string& reason) {
        for (const auto& entry : fs::directory_iterator(held))
            if (entry.path().filename().string().ends_with(reason)) return entry.path();
        ADD_FAILURE() << "nothing was saved because of " << reason;
        return held;
    }

    const TemporaryFolder folder;
    const std::string held = folder.path() / "held";
};

/// A connection whose other end has closed: in CLOSE_WAIT, and nothing happens to it any more.
struct UnclosedSockets {
    Fd listener = listen_on({"127.0.0.1", 0});
    Fd client = tcp_socket();
    Fd server;
    UnclosedSockets() {
        connect_to(client, local_of(listener));
        server = accept_from(listener);
        client.reset();
        await_readable(server);
    }
};

TEST_F(FlightRecorder, holdsTheLatestAndEachPartCanBeReadAlone) {
    const UnclosedSockets forgotten;
    Program recorder = started({"--keep", "4s"});
    RandomTraffic traffic(3);
    std::string first;
    for (int i = 0; i < 10; ++i) {
        traffic.act(40);
        pause(800ms);
        if (i == 2) first = segments(held).front();
    }
    EXPECT_EQ(recorder.stop(SIGINT, kPatience), 0) << recorder.said();
    const auto files = segments(held);
    EXPECT_GE(files.size(), 4U) << "segments of a second each, for 4 s";
    EXPECT_LE(files.size(), 8U);
    EXPECT_FALSE(fs::exists(first)) << "what is older goes";
    EXPECT_EQ(fs::status(held).permissions(), fs::perms::owner_all);

    const json all = report_of(held);
    EXPECT_EQ(all.at("quality").at("holes"), 0);
    EXPECT_EQ(all.at("quality").at("lost"), 0);
    EXPECT_EQ(all.at("quality").at("gap"), 0);
    EXPECT_EQ(all.at("quality").at("unexpected_edges"), 0);
    // What was quiet all the time is known from each segment's listing, with its owner.
    for (const std::string& part : {files.front(), files[files.size() / 2], files.back()}) {
        const json report = report_of(part);
        EXPECT_EQ(report.at("quality").at("gap"), 0) << part;
        EXPECT_EQ(report.at("quality").at("holes"), 0) << part;
        EXPECT_GE(report.at("states").at("CLOSE_WAIT").at("open"), 1) << part;
        bool is_known = false;
        for (const json& service : report.at("services"))
            is_known |= service.at("local").at("port") == local_of(forgotten.listener).port &&
                        !service.at("process").is_null();
        EXPECT_TRUE(is_known) << part;
        EXPECT_FALSE(report.at("meta").at("sysctls").empty()) << part;
        EXPECT_FALSE(report.at("meta").at("kernel").is_null()) << part;
    }
}

TEST_F(FlightRecorder, savesWhatWasBeforeAndWhatComesAfter) {
    Program recorder = started({"--keep", "4s", "--after", "2s", "--dump-on", "SIGUSR1",
                                "--trigger", "close_wait>0", "--trigger", "refused>1000/s"});
    RandomTraffic traffic(4);
    const auto act = [&](int times) {
        for (int i = 0; i < times; ++i) {
            traffic.act(20);
            pause(500ms);
        }
    };
    act(6);
    const std::string early = segments(held).back();
    EXPECT_EQ(::kill(recorder.pid(), SIGUSR1), 0);
    ASSERT_TRUE(recorder.await_saying("signal: ", kPatience)) << recorder.said();
    act(16);
    EXPECT_EQ(recorder.stop(SIGINT, kPatience), 0) << recorder.said();
    EXPECT_FALSE(fs::exists(early)) << "rolled away";

    const std::string by_trigger = saved("close_wait_0");
    EXPECT_NE(recorder.said().find("close_wait>0: saving to " + by_trigger), std::string::npos)
        << recorder.said();
    EXPECT_EQ(recorder.said().find("refused"), std::string::npos) << recorder.said();
    const std::string where =
        recorder.said().find("signal: goes on") != std::string::npos ? by_trigger : saved("signal");
    EXPECT_TRUE(fs::exists(fs::path(where) / fs::path(early).filename()));
    const json report = report_of(where);
    EXPECT_EQ(report.at("quality").at("holes"), 0);
    EXPECT_EQ(report.at("quality").at("gap"), 0);
    EXPECT_GE(report.at("meta").at("duration_ns").get<std::int64_t>(), 4'000'000'000)
        << "2 s before, 2 s after";
}

TEST_F(FlightRecorder, killedItHoldsWhatWasWritten) {
    Program recorder = started({"--keep", "4s"});
    RandomTraffic(5).act(300);
    pause(2500ms);
    EXPECT_EQ(recorder.stop(SIGKILL, kPatience), -1);
    EXPECT_EQ(report_of(held).at("quality").at("holes"), 0);

    // The next one goes on in the same folder. Between the two is a hole, and it is reported.
    Program next = started({"--keep", "1h"});
    RandomTraffic(6).act(300);
    pause(1500ms);
    EXPECT_EQ(next.stop(SIGINT, kPatience), 0) << next.said();
    const json both = report_of(held);
    EXPECT_EQ(both.at("quality").at("holes"), 1);
    EXPECT_GT(both.at("quality").at("whole"), 100);
}

TEST_F(FlightRecorder, whatItCantDoIsSaidAtOnce) {
    const auto refused = [&](std::vector<std::string> words, int status) {
        words.insert(words.begin(), {tcpdwell_path(), "record"});
        Program program(words);
        EXPECT_EQ(program.wait(kPatience), status) << program.said();
        return program.said();
    };
    const std::string file = folder.path() / "file";
    EXPECT_NE(refused({"-o", file, "--trigger", "time_wait>1"}, 2).find("--keep"),
              std::string::npos);
    EXPECT_NE(
        refused({"-o", held, "--keep", "1m", "--trigger", "time_wait=1"}, 2).find("is no trigger"),
        std::string::npos);
    EXPECT_NE(refused({"-o", folder.path(), "--", "true"}, 2).find("is a folder"),
              std::string::npos);
    EXPECT_FALSE(fs::exists(file));
    const std::string shared = folder.path() / "shared";
    fs::create_directory(shared);
    fs::permissions(shared, fs::perms::all);
    EXPECT_NE(refused({"-o", shared, "--keep", "1m"}, 1).find("chmod go-w"), std::string::npos);
    EXPECT_TRUE(fs::is_empty(shared));
}

} // namespace
} // namespace tcpdwell::test

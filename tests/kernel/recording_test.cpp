// SPDX-License-Identifier: Apache-2.0
// A recording reports what the live run reported: byte for byte, but for the name of the source.
// And it outlives its writer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "lines.h"
#include "netns.h"
#include "random_traffic.h"
#include "sockets.h"
#include "support/moment.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;
constexpr int kActs = 400;

std::string netns() { return std::to_string(current_netns()); }

/// Starts tcpdwell, waits until it traces, acts, and stops it; what it has printed.
std::string traced(const std::vector<std::string>& words, const std::function<void()>& act,
                   int signal = SIGINT, int status = 0) {
    Program program(tcpdwell_command(words));
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

Replay replayed(const std::vector<std::string>& words, int status = 0) {
    Program program(tcpdwell_command(words));
    EXPECT_EQ(program.wait(kPatience), status) << program.said();
    return {program.printed(), program.said()};
}

/// Without the name of the source: "source":"..." in JSON, what comes before the line of the times
/// in a text.
std::string without_source(const std::string& text) {
    if (!text.starts_with("{")) return text.substr(text.rfind('\n', text.find(" from ")) + 1);
    return std::regex_replace(text, std::regex("\"source\":\"[^\"]*\""), "");
}

/// A file system with little room, seen by this process and its children only.
class SmallRoom {
public:
    explicit SmallRoom(std::string path) : path_(std::move(path)) {
        std::filesystem::create_directory(path_);
        check(::unshare(CLONE_NEWNS), "unshare");
        check(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount");
        check(::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=256k"), "mount");
    }
    SmallRoom(const SmallRoom&) = delete;
    SmallRoom& operator=(const SmallRoom&) = delete;
    ~SmallRoom() { ::umount2(path_.c_str(), MNT_DETACH); }
    void forbid_writing() const {
        check(::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), "mount");
    }

private:
    std::string path_;
};

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
        live.insert(live.end(), {"--force", "--netns", netns(), "-w", file});
        std::vector<std::string> again = form;
        for (const std::string& word : {std::string("--netns"), netns(), std::string("-r"), file})
            again.push_back(word);
        const std::string reported = without_source(traced(live, random_acts));
        EXPECT_EQ(reported, without_source(replayed(again).printed)) << form.back();
        EXPECT_GT(reported.size(), 1000U);
    }
}

TEST_F(Recording, linesAreTheSame) {
    for (const char* what : {"--connections", "--idle"}) {
        std::vector<std::string> words{"trace", "--connections", "--format", "jsonl"};
        if (what != words[1]) words.emplace_back(what);
        std::vector<std::string> live = words;
        live.insert(live.end(), {"--force", "--netns", netns(), "-w", file});
        for (const std::string& word : {std::string("-r"), file}) words.push_back(word);
        const std::string reported = traced(live, random_acts);
        EXPECT_EQ(reported, replayed(words).printed) << what;
    }
    const std::string reported =
        traced({"trace", "--force", "--netns", netns(), "-w", file}, random_acts);
    EXPECT_EQ(reported, replayed({"trace", "-r", file}).printed);
}

// The kernel lets the beginning of a connection pass whose local port isn't known yet.
TEST_F(Recording, aFilterLetsNothingElsePass) {
    const auto act = [] {
        const Fd wanted = listen_on({"127.0.0.1", 7104});
        const Fd other = listen_on({"127.0.0.1", 7105});
        for (int i = 0; i < 3; ++i) open_and_close(other);
        open_and_close(wanted);
    };
    const std::string reported =
        traced({"trace", "-w", file, "--netns", netns(), "--port", "7104"}, act);
    EXPECT_NE(reported.find(":7104"), std::string::npos);
    EXPECT_EQ(reported.find(":7105"), std::string::npos);
    EXPECT_EQ(replayed({"trace", "-r", file}).printed, reported);
}

// Several views of the same traffic, each with a recording of its own.
TEST_F(Recording, everyViewOfMuchTrafficIsTheSame) {
    constexpr int many = 1500;
    const std::vector<std::vector<std::string>> views{
        {"report", "--by", "remote"},
        {"report", "--by", "ending", "--format", "json"},
        {"trace", "--format", "csv"}};
    std::vector<std::vector<std::string>> replays;
    std::vector<Program> programs;
    for (std::vector<std::string> words : views) {
        const std::string path = folder.path() / std::to_string(programs.size());
        words.insert(words.end(), {"--netns", netns()});
        replays.push_back(words);
        replays.back().insert(replays.back().end(), {"-r", path});
        words.insert(words.end(), {"-w", path});
        programs.emplace_back(tcpdwell_command(words));
        EXPECT_TRUE(programs.back().await_saying("tracing", kPatience)) << programs.back().said();
    }
    pause(1s);
    RandomTraffic traffic(11);
    traffic.act(many);
    pause(1500ms);
    for (std::size_t i = 0; i < views.size(); ++i) {
        EXPECT_EQ(programs[i].stop(SIGINT, kPatience), 0) << programs[i].said();
        const bool is_report = views[i].front() == "report";
        const std::string live = programs[i].printed();
        const std::string again = replayed(replays[i]).printed;
        EXPECT_EQ(is_report ? without_source(live) : live,
                  is_report ? without_source(again) : again)
            << i;
        EXPECT_GT(live.size(), 1000U);
    }
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
    std::thread reader([&] {
        read = replayed({"trace", "-c", "-f", "jsonl", "-r", file}).printed;
    });
    traced({"record", "--netns", netns(), "-o", file}, random_acts);
    reader.join();
    EXPECT_GT(std::count(read.begin(), read.end(), '\n'), kActs / 10);
}

TEST_F(Recording, theStatusIsTheCommands) {
    EXPECT_EQ(replayed({"record", "-o", file, "--", "sh", "-c", "exit 7"}, 7).printed, "");
    EXPECT_NE(replayed({"report", "-r", file}).printed.find("tcpdwell report: " + file),
              std::string::npos);
}

TEST_F(Recording, itIsNobodyElses) {
    replayed({"record", "-o", file, "--", "true"});
    EXPECT_EQ(std::filesystem::status(file).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

/// Capabilities are given up before the page is written, and the folder isn't root's.
TEST_F(Recording, itIsNobodyElsesWhateverItReplacesAndWherever) {
    const std::string page = folder.path() / "page.html";
    constexpr uid_t nobody = 65534;
    for (const std::string& there : {file, page}) {
        std::ofstream(there) << "foreign";
        std::filesystem::permissions(there, std::filesystem::perms::all);
        check(::chown(there.c_str(), nobody, nobody), "chown");
    }
    check(::chown(folder.path().c_str(), nobody, nobody), "chown");
    replayed({"report", "--force", "-w", file, "--html", page, "--", "true"});
    for (const std::string& there : {file, page}) {
        struct stat status {};
        check(::stat(there.c_str(), &status), "stat");
        EXPECT_EQ(status.st_mode & 07777, 0600U);
        EXPECT_EQ(status.st_uid, 0U);
        EXPECT_GT(status.st_size, 100);
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
    replayed({"info", file});
}

TEST_F(Recording, itIsWrittenByOneProcessAtATime) {
    Program first(tcpdwell_command({"record", "-o", file}));
    ASSERT_TRUE(first.await_saying("tracing", kPatience)) << first.said();
    pause(1s);
    const Replay second = replayed({"trace", "--force", "-w", file, "--", "true"}, 1);
    EXPECT_NE(second.said.find("another process is writing " + file), std::string::npos)
        << second.said;
    EXPECT_EQ(first.stop(SIGINT, kPatience), 0) << first.said();
    EXPECT_NE(replayed({"info", file}).printed.find("whole"), std::string::npos);
    replayed({"record", "--force", "-o", file, "--", "true"});
}

TEST_F(Recording, itHoldsNothingThatWasMeantForAClosedStdout) {
    const Program::Setting closed{.before_exec = [] { ::close(STDOUT_FILENO); }};
    Program record(tcpdwell_command({"record", "-o", file, "--", "true"}), closed);
    EXPECT_EQ(record.wait(kPatience), 0) << record.said();
    EXPECT_NE(replayed({"info", file}).printed.find("whole"), std::string::npos);
    // Lines that can't be written end a view.
    Program trace(tcpdwell_command({"trace", "--force", "-w", file, "--", "true"}), closed);
    EXPECT_EQ(trace.wait(kPatience), 1) << trace.said();
    const Replay info = replayed({"info", file});
    EXPECT_EQ(info.printed.find("DAMAGED"), std::string::npos) << info.printed;
}

TEST_F(Recording, whatCantBeWrittenIsSaidBeforeTracing) {
    EXPECT_NE(replayed({"record", "-o", "/proc/nothing/here", "--", "true"}, 1)
                  .said.find("cannot write /proc/nothing/here"),
              std::string::npos);
    const Replay full = replayed({"record", "-o", "/dev/full", "--", "true"}, 1);
    EXPECT_NE(full.said.find("No space left on device"), std::string::npos) << full.said;
}

TEST_F(Recording, whenThereIsNoMoreRoomWhatWasWrittenStaysReadable) {
    allow_many_descriptors();
    const SmallRoom room(folder.path() / "room");
    const std::string full = folder.path() / "room/run.tdw";
    Program program(tcpdwell_command({"record", "--netns", netns(), "-o", full}));
    ASSERT_TRUE(program.await_saying("tracing", kPatience)) << program.said();
    for (std::uint32_t seed = 1;
         seed < 100 && program.said().find("No space left") == std::string::npos; ++seed) {
        RandomTraffic(seed).act(kActs); // a block is written each second
        pause(1100ms);
    }
    EXPECT_EQ(program.wait(kPatience), 1);
    EXPECT_NE(program.said().find(full + ": No space left on device"), std::string::npos)
        << program.said();
    const nlohmann::json info =
        nlohmann::json::parse(replayed({"info", "--format", "json", full}).printed);
    EXPECT_GT(info.at("blocks"), 1);
    EXPECT_GT(info.at("records"), kActs);
    EXPECT_NE(replayed({"trace", "-c", "-r", full}).printed.find("ESTABLISHED"), std::string::npos);
}

TEST_F(Recording, whereNothingMayBeWrittenTheCommandIsntRun) {
    const SmallRoom room(folder.path() / "room");
    room.forbid_writing();
    const Replay refused = replayed(
        {"record", "-o", folder.path() / "room/run.tdw", "--", "touch", folder.path() / "touched"},
        1);
    EXPECT_NE(refused.said.find("room/run.tdw: Read-only file system"), std::string::npos)
        << refused.said;
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "touched"));
}

TEST_F(Recording, readingNeedsNoRights) {
    replayed({"record", "-o", file, "--", "true"});
    std::filesystem::permissions(file, std::filesystem::perms::all);
    std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
    const Fd binary(::open(tcpdwell_path().c_str(),
                           O_RDONLY | O_CLOEXEC)); // its folder may be closed to others
    Program::Setting setting;
    setting.executable = binary.get();
    setting.before_exec = [] { check(::setuid(65534), "setuid"); };
    Program program({"tcpdwell", "report", "-r", file}, setting);
    EXPECT_EQ(program.wait(kPatience), 0) << program.said();
}

} // namespace
} // namespace tcpdwell::test
